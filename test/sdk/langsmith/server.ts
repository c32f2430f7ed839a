import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'langsmith'
import { closePool, openPool, type Db } from '../../../src/store/pool.ts'
import { createTestDatabase } from '../../support/postgres.ts'
import { startRedis } from '../../support/redis.ts'
import { startRunmill } from '../../support/runmill-process.ts'
import { insertTenant, type TestTenant } from '../../support/tenant.ts'

export interface RunningServer {
  url: string
  tenant: TestTenant
  /** The real SDK, set up as users do. */
  client: Client
  db: Db
  /**
   * Sends a request without the SDK.
   * @throws Error unless the answer is a 2xx
   */
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers of every shape
  call(method: string, path: string, body?: unknown): Promise<any>
  /** What the process has written to stderr so far: warnings and errors. */
  log(): string
  stop(): Promise<void>
}

/** Starts the real process, API and workers in one, on a database of its own. */
export async function startServer(queue: 'postgres' | 'redis'): Promise<RunningServer> {
  const database = await createTestDatabase()
  const db = openPool(database.url, { max: 2 })
  const tenant = await insertTenant(db)
  const redis = queue === 'redis' ? await startRedis(['--maxmemory-policy', 'noeviction']) : null
  const folder = await mkdtemp(join(tmpdir(), 'runmill-sdk-'))
  const server = startRunmill({
    DATABASE_URL: database.url,
    RUNMILL_DATA_DIR: folder,
    ...(redis === null ? {} : { REDIS_URL: redis.url }),
  })
  const url = await server.ready
  return {
    url,
    tenant,
    client: new Client({ apiUrl: url, apiKey: tenant.secretKey }),
    db,
    log: () => server.stdout() + server.stderr(),
    call: async (method, path, body) => {
      const response = await fetch(url + path, {
        method,
        headers: {
          'x-api-key': tenant.secretKey,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
      return response.json()
    },
    stop: async () => {
      server.signal('SIGTERM')
      await server.exited
      await closePool(db)
      await redis?.stop()
      await database.drop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
