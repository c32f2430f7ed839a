import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import type { Db } from '../src/store/pool.ts'
import { insertTenant, type TestTenant } from '../test/support/tenant.ts'
import { mb } from './api-process.ts'
import { withFreshStore } from './fresh-store.ts'
import { openFloor, openUpsert, type Writer } from './ingest-floor.ts'
import { makeRequests, makeRuns, protocols, type PreparedRequest } from './ingest-requests.ts'
import { sendPrepared } from './prepared-requests.ts'
import { cpuMicros, postgresPid, redisPid } from './process-cpu.ts'
import { withServer } from './server-process.ts'

/*
 * Runs accepted over HTTP and readable, per second, against the floor (architecture.md 10) and against the product's own
 * upsert without HTTP and queue, in passes that alternate. Traces of one root and three llm runs with 1 kB of inputs and
 * of outputs each. What is sent and written is made before the clock starts. The server and this load share the machine,
 * so the CPU time of everybody is told, in microseconds per run.
 *
 *   npx tsx bench/ingest.ts [--runs 40000] [--passes 5] [--redis redis://127.0.0.1:6379] [--smoke] [--json FILE]
 *     [--protocol batch|multipart|langfuse|otlp] [--cpu-prof FOLDER] [--against FOLDER]
 *
 * --against is a folder with a `dist`, of another version or of this one (`npm run build`, `--against .`). Run from its
 * sources, the server has functions that are wrapped to keep their names, which OTLP's translation notices.
 */

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '40000' },
    passes: { type: 'string', default: '5' },
    redis: { type: 'string' },
    smoke: { type: 'boolean', default: false },
    json: { type: 'string' },
    protocol: { type: 'string', default: 'batch' },
    'cpu-prof': { type: 'string' },
    against: { type: 'string' },
  },
})
const protocol = protocols.find((name) => name === values.protocol)
if (protocol === undefined) throw new Error(`--protocol is one of ${protocols.join(', ')}`)
const perRequest = 100
const requestsAtOnce = 8
const runCount = values.smoke ? 2000 : Math.ceil(Number(values.runs) / perRequest) * perRequest
const passCount = values.smoke ? 2 : Number(values.passes)
const profile = values['cpu-prof']

interface Pass {
  /** Runs a second. */
  floor: number
  upsert: number
  endToEnd: number
  /** Microseconds per run of the end-to-end part, by process. null where it cannot be known. */
  cpu: Record<string, number | null>
}

await withFreshStore(async (store) => {
  const { db, databaseUrl } = store
  const tenant = await insertTenant(db)
  const writers = {
    floor: await openFloor(databaseUrl),
    upsert: openUpsert(databaseUrl, tenant.id),
  }
  const passes: Pass[] = []
  let peak: number | null = null
  const nodeOptions = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]
  const options = { redisUrl: values.redis, nodeOptions, against: values.against }
  await withServer(store, options, async (server) => {
    const pids = new Map<string, number | null>(server.pids)
    pids.set('Postgres', await postgresPid(db))
    if (values.redis !== undefined) pids.set('Redis', await redisPid(values.redis))
    // The first pass compiles the code that the others run, and fills the caches.
    for (let i = -1; i < passCount; i++) {
      const count = i < 0 ? Math.min(runCount, 10_000) : runCount
      const floor = await rateOf(writers.floor, db, 'bench_floor', count)
      const upsert = await rateOf(writers.upsert, db, 'runs', count)
      const pass = { floor, upsert, ...(await endToEnd(db, server.url, tenant, pids, count, i)) }
      if (i >= 0) passes.push(pass)
    }
    peak = await server.peakMemory()
  })
  await Promise.all(Object.values(writers).map(async (writer) => writer.close()))
  print(passes, peak)
})

async function seconds(work: () => Promise<unknown>): Promise<number> {
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
  tenant: TestTenant,
  pids: ReadonlyMap<string, number | null>,
  count: number,
  pass: number,
): Promise<Pick<Pass, 'endToEnd' | 'cpu'>> {
  await settle(db)
  await db`truncate runs, traces`
  // A project of its own, because aggregates are computed from all the runs of a project.
  const project = `bench-${pass}`
  const requests = makeRequests(protocol!, makeRuns(count), { perRequest, tenant, project })
  const before = await readAll(pids)
  const taken = await seconds(async () => {
    await sendPrepared(url, requests, requestsAtOnce)
    await untilReadable(db, tenant, requests)
  })
  const after = await readAll(pids)
  const [row] = await db<{ n: number }[]>`select count(*) as n from runs`
  if (row!.n !== count) throw new Error(`${row!.n} of ${count} runs can be read`)
  const cpu = Object.fromEntries(
    [...after].map(([name, micros]) => {
      const start = before.get(name) ?? null
      return [name, micros === null || start === null ? null : (micros - start) / count]
    }),
  )
  return { endToEnd: count / taken, cpu }
}

async function readAll(pids: ReadonlyMap<string, number | null>) {
  const all = [...pids].map(async ([name, pid]) => [name, await cpuMicros(pid)] as const)
  const { user, system } = process.cpuUsage()
  return new Map([...(await Promise.all(all)), ['this load', user + system] as const])
}

/** Waits until nothing is left to do of the pass before. */
async function settle(db: Db): Promise<void> {
  const end = Date.now() + 30_000
  for (;;) {
    const marks = await db`select from experiment_dirty_marks limit 1`
    if (marks.length === 0) break
    if (Date.now() > end) throw new Error('aggregates are not refreshed')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  await db`checkpoint`
}

/** Looks for one trace of each request, because counting the table would take the time of the server. */
async function untilReadable(
  db: Db,
  tenant: TestTenant,
  requests: readonly PreparedRequest[],
): Promise<void> {
  const end = Date.now() + 120_000
  let left = requests.map(({ traceId }) => traceId)
  for (;;) {
    const found = await db<{ id: string }[]>`
      select id from traces where tenant_id = ${tenant.id} and id = any(${left}::uuid[])`
    const ids = new Set(found.map(({ id }) => id))
    left = left.filter((id) => !ids.has(id))
    if (left.length === 0) return
    if (Date.now() > end) throw new Error(`${left.length} requests were not applied`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

interface Spread {
  median: number
  least: number
  most: number
}

function spreadOf(numbers: readonly number[]): Spread {
  const sorted = numbers.toSorted((a, b) => a - b)
  const half = (sorted.length - 1) / 2
  return {
    median: (sorted[Math.floor(half)]! + sorted[Math.ceil(half)]!) / 2,
    least: sorted[0]!,
    most: sorted.at(-1)!,
  }
}

function print(passes: readonly Pass[], peak: number | null): void {
  const mode = values.redis === undefined ? 'all in one process' : 'Redis, API and worker apart'
  const rates = {
    floor: spreadOf(passes.map((pass) => pass.floor)),
    'own upsert': spreadOf(passes.map((pass) => pass.upsert)),
    'end to end': spreadOf(passes.map((pass) => pass.endToEnd)),
  }
  const ratio = spreadOf(passes.map((pass) => pass.endToEnd / pass.floor))
  const cpu = Object.fromEntries(
    Object.keys(passes[0]!.cpu).map((name) => {
      const known = passes
        .map((pass) => pass.cpu[name])
        .filter((micros) => typeof micros === 'number')
      return [name, known.length === 0 ? null : spreadOf(known)]
    }),
  )
  console.log(`ingest, ${mode}, ${protocol}: ${passes.length} passes of ${runCount} runs`)
  for (const [name, spread] of Object.entries(rates))
    console.log(`  ${name}: ${text(spread)} runs/s`)
  console.log(`  ratio to the floor: ${text(ratio, 3)}`)
  for (const [name, spread] of Object.entries(cpu)) {
    console.log(`  CPU of ${name}: ${spread === null ? 'unknown' : `${text(spread)} µs/run`}`)
  }
  if (peak !== null) console.log(`  most memory of a process: ${mb(peak)} MB`)
  if (values.json === undefined) return
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
  const machine = { cpu: cpus()[0]?.model ?? '', cores: availableParallelism() }
  const report = { mode, protocol, runs: runCount, version, node: process.version, machine }
  const results = { rates, ratio, cpuMicrosPerRun: cpu, peakBytes: peak, passes }
  writeFileSync(values.json, `${JSON.stringify({ ...report, ...results }, null, 2)}\n`)
}

function text({ median, least, most }: Spread, digits = 0): string {
  return `${median.toFixed(digits)} (${least.toFixed(digits)} to ${most.toFixed(digits)})`
}
