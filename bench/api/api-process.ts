import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { insertTenant } from '../../test/support/tenant.ts'
import { type FreshStore, withFreshStore } from '../fresh-store.ts'

export interface ApiProcess {
  url: string
  secretKey: string
  /** Runs one step and prints its answer, its time, and the process's memory before, at its peak, and after. */
  phase(name: string, run: () => Promise<unknown>): Promise<void>
}

/**
 * Runs an API in a process of its own, with a fresh database, and ends both.
 * @param queue `postgres`, or `none` to forget what would be queued
 */
export async function withApiProcess(
  queue: string,
  use: (api: ApiProcess) => Promise<void>,
): Promise<void> {
  await withFreshStore(async (store) => useApi(store, queue, use))
}

async function useApi(
  { db, databaseUrl, folder }: FreshStore,
  queue: string,
  use: (api: ApiProcess) => Promise<void>,
): Promise<void> {
  const { secretKey } = await insertTenant(db)
  const server = join(import.meta.dirname, 'api-server.ts')
  const api = fork(server, [databaseUrl, join(folder, 'blobs'), queue], {
    execArgv: process.execArgv,
  })
  /** In bytes: the peak since the last call, and the memory now. */
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
  }
}

export function mb(bytes: number): string {
  return (bytes / 1_000_000).toFixed(bytes < 10_000_000 ? 2 : 0)
}
