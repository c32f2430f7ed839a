import { fork } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createEmbeddedPostgres } from '../src/embedded/postgres.ts'
import { migrate } from '../src/store/migrate.ts'
import { closePool, openPool } from '../src/store/pool.ts'
import { insertTenant } from '../test/support/tenant.ts'

export interface ApiProcess {
  url: string
  secretKey: string
  /** Runs one step and prints its answer, its time, and the process's memory before, at its peak, and after. */
  phase(name: string, run: () => Promise<unknown>): Promise<void>
}

/** Runs an API in a process of its own, with a fresh database, and ends both. @param queue `postgres`, or `none` to forget */
export async function withApiProcess(
  queue: string,
  use: (api: ApiProcess) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'runmill-bench-'))
  // As root the server is another user, who cannot enter a 0700 folder.
  await chmod(folder, 0o755)
  const dataDir = join(folder, 'postgres')
  await mkdir(dataDir)
  const postgres = createEmbeddedPostgres({ dataDir })
  const databaseUrl = await postgres.start()
  const db = openPool(databaseUrl)
  await migrate(db)
  const { secretKey } = await insertTenant(db)
  const server = join(import.meta.dirname, 'api-server.ts')
  const api = fork(server, [databaseUrl, join(folder, 'blobs'), queue], {
    execArgv: process.execArgv,
  })
  /** Bytes: the highest since the last question, and now. */
  const memory = async (): Promise<{ peak: number; now: number }> => {
    api.send('memory')
    const [answer] = (await once(api, 'message')) as [{ peak: number; now: number }]
    return answer
  }
  try {
    const [{ port }] = (await once(api, 'message')) as [{ port: number }]
    await use({
      url: `http://127.0.0.1:${port}`,
      secretKey,
      async phase(name, run) {
        const before = await memory()
        const start = performance.now()
        const answer = await run()
        const ms = performance.now() - start
        const { peak, now } = await memory()
        console.log(
          `${name}: ${String(answer)}; ${ms.toFixed(0)} ms; RSS MB before ${mb(before.now)}, peak ${mb(peak)}, after ${mb(now)}`,
        )
      },
    })
  } finally {
    api.kill()
    await once(api, 'exit')
    await closePool(db)
    await postgres.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

export function mb(bytes: number): string {
  return (bytes / 1_000_000).toFixed(bytes < 10_000_000 ? 2 : 0)
}
