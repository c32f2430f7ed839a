import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { FreshStore } from './fresh-store.ts'

export interface ServerProcessOptions {
  /** Where the queue is; without it, in Postgres. */
  redisUrl?: string | undefined
}

/** API and workers over a store in a process of their own, which ends when `use` is done. */
export async function withServerProcess(
  { databaseUrl, folder }: FreshStore,
  { redisUrl }: ServerProcessOptions,
  use: (url: string) => Promise<void>,
): Promise<void> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/main.ts'], {
    env: {
      ...process.env,
      PORT: '0',
      LOG_LEVEL: 'warn',
      DATABASE_URL: databaseUrl,
      RUNMILL_DATA_DIR: join(folder, 'data'),
      ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  try {
    await use(
      await new Promise<string>((resolve, reject) => {
        let output = ''
        child.stdout.on('data', (chunk: Buffer) => {
          output += chunk.toString()
          const match = /^Runmill is ready at (\S+)$/m.exec(output)
          if (match !== null) resolve(match[1]!)
        })
        child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)))
      }),
    )
  } finally {
    child.kill('SIGTERM')
    await exited
  }
}
