import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FreshStore } from './fresh-store.ts'

export interface ServerProcessOptions {
  /** Where the queue is; without it, in Postgres. */
  redisUrl?: string | undefined
}

export interface ServerProcess {
  url: string
  /** Bytes: the most memory it has held so far. Null where there is no /proc. */
  peakMemory(): Promise<number | null>
}

/** API and workers over a store in a process of their own, which ends when `use` is done. */
export async function withServerProcess(
  { databaseUrl, folder }: FreshStore,
  { redisUrl }: ServerProcessOptions,
  use: (server: ServerProcess) => Promise<void>,
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
    const url = await new Promise<string>((resolve, reject) => {
      let output = ''
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString()
        const match = /^Runmill is ready at (\S+)$/m.exec(output)
        if (match !== null) resolve(match[1]!)
      })
      child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)))
    })
    await use({ url, peakMemory: async () => peakMemory(child.pid!) })
  } finally {
    child.kill('SIGTERM')
    await exited
  }
}

async function peakMemory(pid: number): Promise<number | null> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  const kilobytes = /^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1]
  return kilobytes === undefined ? null : Number(kilobytes) * 1024
}
