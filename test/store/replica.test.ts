import { randomUUID } from 'node:crypto'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startStockPostgres, type StockPostgres } from '../../chaos/stock-postgres.ts'
import { closePool, openPool } from '../../src/store/pool.ts'
import { migrate } from '../../src/store/migrate.ts'
import { startRunmill, type RunmillProcess } from '../support/runmill-process.ts'
import { insertTenant, type TestTenant } from '../support/tenant.ts'

/* A primary with a streaming replica, and two processes that read from the replica. The tests build on each other's state. */

const patient = { timeout: 60_000, interval: 50 }

let folders: string[]
let primary: StockPostgres
let replica: StockPostgres
let tenant: TestTenant
let servers: { process: RunmillProcess; url: string }[] = []

beforeAll(async () => {
  folders = [await makeFolder(), await makeFolder()]
  const [first, second] = folders as [string, string]
  primary = await startStockPostgres(first, { hasOwnDisk: false })
  const db = openPool(primary.url, { max: 1 })
  await migrate(db)
  tenant = await insertTenant(db)
  await closePool(db)
  await primary.crash()
  replica = await startStockPostgres(second, { hasOwnDisk: false, follows: primary })
  await primary.start()
  servers = await Promise.all(
    [1, 2].map(async () => {
      const process = startRunmill({ DATABASE_URL: primary.url, DATABASE_READ_URL: replica.url })
      return { process, url: await process.ready }
    }),
  )
}, 240_000)

afterAll(async () => {
  for (const { process } of servers) {
    process.signal('SIGKILL')
    await process.exited
  }
  await replica.stop()
  await primary.stop()
  for (const folder of folders) await rm(folder, { recursive: true, force: true })
})

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'runmill-replica-'))
  await chmod(folder, 0o755)
  return folder
}

async function call(server: number, path: string, body?: object): Promise<unknown> {
  const answer = await fetch(servers[server]!.url + path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: tenant.basic, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  expect(answer.status, `${path}: ${text}`).toBeLessThan(300)
  return JSON.parse(text)
}

/** Writes through one process, and reads at once through the other, what was put into the queue and what was not. */
async function writeAndRead(): Promise<void> {
  const [id, name] = [randomUUID(), `dataset ${randomUUID()}`]
  await call(0, '/api/public/v2/datasets', { name })
  await call(0, '/api/public/scores', { id, traceId: id, name: 'quality', value: 1 })
  expect(await call(1, `/api/public/v2/datasets/${encodeURIComponent(name)}`)).toMatchObject({
    name,
  })
  expect(await call(1, `/api/public/scores/${id}`)).toMatchObject({ id })
}

/** How often reads of the second process went where. */
async function readsBy(outcome: string): Promise<number> {
  const text = await (await fetch(`${servers[1]!.url}/metrics`)).text()
  return Number(
    new RegExp(`^runmill_replica_reads_total\\{outcome="${outcome}"\\} (\\d+)$`, 'm').exec(
      text,
    )?.[1],
  )
}

/** Writes and reads until nothing is told any more of the replica. What is told goes by the read before. */
async function untilAllIsWell(): Promise<void> {
  await vi.waitFor(async () => {
    await writeAndRead()
    expect(await readiness()).toEqual({ ready: true, problems: [] })
  }, patient)
}

async function readiness(): Promise<unknown> {
  return (await fetch(`${servers[1]!.url}/readyz`)).json()
}

/** Writes and reads until reads go there. */
async function untilReadsGo(outcome: string): Promise<void> {
  const before = await readsBy(outcome)
  await vi.waitFor(async () => {
    await writeAndRead()
    expect(await readsBy(outcome)).toBeGreaterThan(before)
  }, patient)
}

test('what one process has written another reads at once, from the replica', async () => {
  await untilReadsGo('replica')
  for (let round = 0; round < 30; round++) await writeAndRead()
  await untilAllIsWell()
})

test('while the replica is behind, the primary answers', async () => {
  const db = openPool(replica.url, { max: 1 })
  await db`select pg_wal_replay_pause()`
  await untilReadsGo('behind')
  for (let round = 0; round < 10; round++) await writeAndRead()
  expect(await readiness()).toEqual({
    ready: true,
    problems: ['replica: it is not known to keep up, and reads go to the primary'],
  })
  await db`select pg_wal_replay_resume()`
  await closePool(db)
  await untilReadsGo('replica')
})

test('while the replica is away, the primary answers; once it is back, it does', async () => {
  await replica.crash()
  await untilReadsGo('away')
  for (let round = 0; round < 10; round++) await writeAndRead()
  const told = ['replica: it does not answer, and reads go to the primary']
  expect(await readiness()).toEqual({ ready: true, problems: told })
  await replica.start()
  await untilReadsGo('replica')
  await untilAllIsWell()
})

test('a server that is no replica is refused, and one that is away is not', async () => {
  const settings = { DATABASE_URL: primary.url, ROLE: 'api' }
  const refused = startRunmill({ ...settings, DATABASE_READ_URL: primary.url })
  expect(await refused.exited).toBe(1)
  expect(refused.stderr()).toMatch(
    /^runmill: DATABASE_READ_URL leads to a server that is no replica .*\.\n$/,
  )
  const nowhere = replica.url.replace(/:\d+\//, ':1/')
  const started = startRunmill({ ...settings, DATABASE_READ_URL: nowhere })
  await started.ready
  started.signal('SIGTERM')
  expect(await started.exited).toBe(0)
})
