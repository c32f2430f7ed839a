import type { Db } from '../../src/store/pool.ts'
import { insertTenant, type TestTenant } from '../../test/support/tenant.ts'
import type { FreshStore } from '../fresh-store.ts'
import { openFloor, openUpsert, type Writer } from '../ingest-floor.ts'
import { makeRequests, makeRuns, type PreparedRequest, type Protocol } from '../ingest-requests.ts'
import { sendPrepared } from '../prepared-requests.ts'
import { cpuMicros, postgresPid, redisPid } from '../process-cpu.ts'
import { withServer } from '../server-process.ts'
import type { IngestResult } from './shapes.ts'
import { spreadOf, type Spread } from './spread.ts'

export const runsPerRequest = 100
const requestsAtOnce = 8
const mostWarmUpRuns = 10_000

export interface IngestOptions {
  runs: number
  passes: number
  protocol: Protocol
  redisUrl: string | undefined
  /** How many tenants the runs are of, in turns. `runs` is a multiple of theirs. Default: one. */
  tenants?: number
  /** Shards of each lane, and processes of workers. Both need Redis. Default: one. */
  shards?: number
  workers?: number
  against?: string | undefined
  /** A folder for `--cpu-prof`. */
  profile?: string | undefined
  progress?: (done: number) => void
}

interface Pass {
  /** Runs a second. */
  floor: number
  upsert: number
  endToEnd: number
  /** Microseconds of Postgres per run of the floor. */
  floorCpu: number | null
  /** Microseconds per run of the end-to-end part, by kind of process. null where it cannot be known. */
  cpu: Record<string, number | null>
}

export type IngestFigures = Omit<IngestResult, 'settings'>

/**
 * Measures the floor, the product's own upsert, and runs that are accepted over HTTP until they are readable, in
 * passes that alternate. What is sent and written is made before the clock starts.
 */
export async function measureIngest(
  store: FreshStore,
  {
    runs,
    passes: passCount,
    protocol,
    redisUrl,
    against,
    profile,
    progress,
    ...more
  }: IngestOptions,
): Promise<IngestFigures> {
  const { db, databaseUrl } = store
  const { tenants: tenantCount = 1, shards = 1, workers = 1 } = more
  const tenants: TestTenant[] = []
  while (tenants.length < tenantCount) tenants.push(await insertTenant(db))
  const writers = {
    floor: await openFloor(databaseUrl),
    upsert: openUpsert(databaseUrl, tenants[0]!.id),
  }
  const passes: Pass[] = []
  let peakBytes: number | null = null
  const nodeOptions = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]
  const settings = shards === 1 ? {} : { RUNMILL_INGEST_SHARDS: String(shards) }
  const options = { redisUrl, workers, settings, nodeOptions, against }
  await withServer(store, options, async (server) => {
    const pids = new Map<string, number | null>(server.pids)
    pids.set('Postgres', await postgresPid(db))
    if (redisUrl !== undefined) pids.set('Redis', await redisPid(redisUrl))
    // The first pass compiles the code that the others run, and fills the caches.
    for (let i = -1; i < passCount; i++) {
      const each = (i < 0 ? Math.min(runs, mostWarmUpRuns) : runs) / tenantCount / runsPerRequest
      const count = Math.ceil(each) * tenantCount * runsPerRequest
      const before = await cpuMicros(pids.get('Postgres')!)
      const floor = await rateOf(writers.floor, db, 'bench_floor', count)
      const after = await cpuMicros(pids.get('Postgres')!)
      const floorCpu = before === null || after === null ? null : (after - before) / count
      const upsert = await rateOf(writers.upsert, db, 'runs', count)
      // A project of its own, because aggregates are computed from all the runs of a project.
      const make = (tenant: TestTenant) =>
        makeRequests(protocol, makeRuns(count / tenantCount), {
          perRequest: runsPerRequest,
          tenant,
          project: `bench-${i}`,
        })
      const whole = await endToEnd(db, server.url, tenants, pids, make, count)
      const pass = { floor, floorCpu, upsert, ...whole }
      if (i >= 0) passes.push(pass)
      progress?.(i + 1)
    }
    peakBytes = await server.peakMemory()
  })
  await Promise.all(Object.values(writers).map(async (writer) => writer.close()))
  const of = (pick: (pass: Pass) => number): Spread => spreadOf(passes.map(pick))
  return {
    floor: of((pass) => pass.floor),
    upsert: of((pass) => pass.upsert),
    endToEnd: of((pass) => pass.endToEnd),
    upsertRatio: of((pass) => pass.upsert / pass.floor),
    endToEndRatio: of((pass) => pass.endToEnd / pass.floor),
    cpuRatio: of(cpuRatioOf),
    cpuMicrosPerRun: Object.fromEntries(
      Object.keys(passes[0]!.cpu).map((name) => {
        const known = passes
          .map((pass) => pass.cpu[name])
          .filter((micros) => typeof micros === 'number')
        return [name, known.length === 0 ? null : spreadOf(known)]
      }),
    ),
    peakBytes,
  }
}

/** CPU time of Postgres for the floor, of that of everything but this load from end to end; NaN where it is unknown. */
function cpuRatioOf({ floorCpu, cpu }: Pass): number {
  const { 'this load': _, ...others } = cpu
  const whole = Object.values(others).reduce<number>((sum, each) => sum + (each ?? Number.NaN), 0)
  return (floorCpu ?? Number.NaN) / whole
}

export async function seconds(work: () => Promise<unknown>): Promise<number> {
  const before = performance.now()
  await work()
  return (performance.now() - before) / 1000
}

/** Runs a second, written into a table that is empty before and afterwards. */
async function rateOf(writer: Writer, db: Db, table: string, count: number): Promise<number> {
  await settle(db)
  await db`truncate ${db(table)}`
  const taken = await seconds(writer.prepare(makeRuns(count)))
  await db`truncate ${db(table)}`
  return count / taken
}

async function endToEnd(
  db: Db,
  url: string,
  tenants: readonly TestTenant[],
  pids: ReadonlyMap<string, number | null>,
  make: (tenant: TestTenant) => PreparedRequest[],
  count: number,
): Promise<Pick<Pass, 'endToEnd' | 'cpu'>> {
  await settle(db)
  await db`truncate runs, traces`
  const ofTenants = tenants.map((tenant) => ({ id: tenant.id, requests: make(tenant) }))
  const inTurns = ofTenants[0]!.requests.flatMap((_, i) =>
    ofTenants.map(({ requests }) => requests[i]!),
  )
  const before = await readAll(pids)
  const taken = await seconds(async () => {
    await sendPrepared(url, inTurns, requestsAtOnce)
    for (const { id, requests } of ofTenants) await untilReadable(db, id, requests)
  })
  const after = await readAll(pids)
  const [row] = await db<{ n: number }[]>`select count(*) as n from runs`
  if (row!.n !== count) throw new Error(`${row!.n} of ${count} runs can be read`)
  const cpu: Pass['cpu'] = {}
  for (const [name, micros] of after) {
    const start = before.get(name) ?? null
    const kind = name.replace(/ \d+$/, '')
    const others = cpu[kind] === undefined ? 0 : cpu[kind]
    cpu[kind] =
      micros === null || start === null || others === null
        ? null
        : others + (micros - start) / count
  }
  return { endToEnd: count / taken, cpu }
}

async function readAll(pids: ReadonlyMap<string, number | null>) {
  const all = [...pids].map(async ([name, pid]) => [name, await cpuMicros(pid)] as const)
  const { user, system } = process.cpuUsage()
  return new Map([...(await Promise.all(all)), ['this load', user + system] as const])
}

/** Waits until nothing is left to do of the pass before. */
export async function settle(db: Db): Promise<void> {
  const end = Date.now() + 60_000
  for (;;) {
    const marks = await db`select from dirty_traces limit 1`
    if (marks.length === 0) break
    if (Date.now() > end) throw new Error('aggregates are not refreshed')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  await db`checkpoint`
}

/** Looks for one trace of each request, because counting the table would take the time of the server. */
export async function untilReadable(
  db: Db,
  tenantId: string,
  requests: readonly PreparedRequest[],
): Promise<void> {
  const end = Date.now() + 120_000
  let left = requests.map(({ traceId }) => traceId)
  for (;;) {
    const found = await db<{ id: string }[]>`
      select id from traces where tenant_id = ${tenantId} and id = any(${left}::uuid[])`
    const ids = new Set(found.map(({ id }) => id))
    left = left.filter((id) => !ids.has(id))
    if (left.length === 0) return
    if (Date.now() > end) throw new Error(`${left.length} requests were not applied`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
