import { setTimeout as pause } from 'node:timers/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Redis } from 'ioredis'
import type { Db } from '../src/store/pool.ts'
import { insertTenant, type TestTenant } from '../test/support/tenant.ts'
import { withFreshStore, type FreshStore } from './fresh-store.ts'
import { makeRequests, makeRuns } from './ingest-requests.ts'
import { watchMemory, type MemorySeries } from './memory.ts'
import { sendPrepared } from './prepared-requests.ts'
import { withServer } from './server-process.ts'
import { runsPerRequest, settle, untilReadable } from './suite/ingest-passes.ts'
import { publish } from './suite/publish.ts'
import { withRedis } from './suite/redis.ts'
import { tableText } from './suite/table.ts'

/*
 * Memory of each process when nothing has happened for a minute and a half, and at most in a burst that is sent as fast as
 * it is accepted; and the bytes of a run, with 1 kB of inputs and of outputs: while it waits in the queue, in the tables
 * with their indexes, and in the write-ahead log. The payloads compress as conversations do that repeat themselves, which
 * is better than most.
 *
 *   npm run bench -- footprint [--runs 100000] [--redis own|redis://127.0.0.1:6379] [--against .] [--docs] [--smoke]
 *
 * --against is a folder with a `dist` (`npm run build`): the compiler of the sources takes 150 MiB of its own.
 */

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '100000' },
    redis: { type: 'string' },
    against: { type: 'string' },
    docs: { type: 'boolean', default: false },
    smoke: { type: 'boolean', default: false },
  },
})
const runs = values.smoke ? 2000 : Number(values.runs)
const waitingRuns = values.smoke ? 1000 : 8000
/** Within a minute without work, Node gives back most of what its young generation had taken. */
const idleMs = values.smoke ? 1000 : 90_000

await withRedis(values.redis, async (redisUrl) =>
  withFreshStore(async (store) => {
    const { db } = store
    const tenant = await insertTenant(db)
    const queued = await measureQueue(store, tenant, redisUrl)
    let memory: Record<string, { idle: number; most: number }> = {}
    const bytes: Record<string, number> = { 'waiting in the queue': queued }
    await withServer(store, { redisUrl, against: values.against }, async ({ pids, url }) => {
      const watch = () =>
        watchMemory({ pids, redisUrl, postgresFolder: join(store.folder, 'postgres') })
      // What waited in the queue is applied first.
      await untilCount(db, waitingRuns)
      await settle(db)
      const idle = watch()
      await pause(idleMs)
      const idleSeries = await idle.stop()
      const requests = requestsOf(tenant, runs)
      const before = await bytesOf(db)
      const burst = watch()
      await sendPrepared(url, requests, 8)
      await untilReadable(db, tenant.id, requests)
      const burstSeries = await burst.stop()
      await settle(db)
      const after = await bytesOf(db)
      bytes['in tables and indexes'] = (after.tables - before.tables) / runs
      bytes['in the write-ahead log'] = (after.log - before.log) / runs
      memory = Object.fromEntries(
        idleSeries.map((series) => [
          series.name,
          {
            idle: lastOf(series),
            most: mostOf(burstSeries.find(({ name }) => name === series.name) ?? series),
          },
        ]),
      )
    })
    print(memory, bytes, redisUrl !== undefined)
    if (!values.docs) return
    const name = redisUrl === undefined ? 'footprint-one-process' : 'footprint-redis'
    await publish(name, { runs, memoryMiB: memory, bytesPerRun: bytes }, { db, redisUrl })
  }),
)

function requestsOf(tenant: TestTenant, count: number) {
  return makeRequests('batch', makeRuns(count), {
    perRequest: runsPerRequest,
    tenant,
    project: 'bench',
  })
}

/** @returns the bytes that a run takes in the queue while nobody works on it */
async function measureQueue(
  store: FreshStore,
  tenant: TestTenant,
  redisUrl: string | undefined,
): Promise<number> {
  const requests = requestsOf(tenant, waitingRuns)
  let perRun = 0
  const settings = { ROLE: 'api', ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }) }
  await withServer(store, { settings, against: values.against }, async ({ url }) => {
    // The first request makes what there is once: scripts, schedules, the project.
    await sendPrepared(url, requestsOf(tenant, runsPerRequest), 1)
    const before = await queueBytes(store.db, redisUrl)
    await sendPrepared(url, requests, 8)
    perRun = ((await queueBytes(store.db, redisUrl)) - before) / waitingRuns
  })
  return perRun
}

async function queueBytes(db: Db, redisUrl: string | undefined): Promise<number> {
  if (redisUrl === undefined) return (await bytesOf(db)).all
  const redis = new Redis(redisUrl)
  try {
    return Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1] ?? 0)
  } finally {
    redis.disconnect()
  }
}

async function bytesOf(db: Db): Promise<{ tables: number; all: number; log: number }> {
  const [row] = await db<{ tables: number; all: number; log: number }[]>`
    select coalesce(sum(pg_total_relation_size(oid)) filter (where relnamespace = 'public'::regnamespace), 0)::float8 as tables,
      pg_database_size(current_database())::float8 as all,
      pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 as log
    from pg_class where relkind = 'r'`
  return row!
}

async function untilCount(db: Db, least: number): Promise<void> {
  for (const end = Date.now() + 120_000; ; await pause(100)) {
    const [row] = await db<{ n: number }[]>`select count(*)::int as n from runs`
    if (row!.n >= least) return
    if (Date.now() > end) throw new Error(`${row!.n} of ${least} runs can be read`)
  }
}

function lastOf({ points }: MemorySeries): number {
  return points.at(-1)!.mebibytes
}

function mostOf({ points }: MemorySeries): number {
  return Math.max(...points.map(({ mebibytes }) => mebibytes))
}

function print(
  memory: Record<string, { idle: number; most: number }>,
  bytes: Record<string, number>,
  isOnRedis: boolean,
): void {
  console.log(
    `footprint, ${isOnRedis ? 'Redis, API and worker apart' : 'all in one process'}, a burst of ${runs} runs`,
  )
  const rows = Object.entries(memory).map(([name, { idle, most }]) => [
    name,
    idle.toFixed(0),
    most.toFixed(0),
  ])
  const total = Object.values(memory).reduce((sum, { idle }) => sum + idle, 0)
  rows.push(['all', total.toFixed(0), ''])
  console.log(tableText({ head: ['memory, MiB', 'idle', 'most in the burst'], rows }))
  for (const [name, each] of Object.entries(bytes)) {
    console.log(`${each.toFixed(0)} bytes per run ${name}`)
  }
}
