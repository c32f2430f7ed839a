import { parseArgs } from 'node:util'
import type { Db } from '../src/store/pool.ts'
import { insertTenant, type TestTenant } from '../test/support/tenant.ts'
import { withFreshStore } from './fresh-store.ts'
import type { PreparedRequest } from './ingest-requests.ts'
import { makeExports } from './otlp-requests.ts'
import { sendPrepared } from './prepared-requests.ts'
import { cpuMicros, postgresPid, redisPid } from './process-cpu.ts'
import { withServer } from './server-process.ts'

/*
 * Spans accepted over OTLP and readable, per second, and the CPU time of each process per span. What is sent is made
 * before the clock starts: what agents send by two conventions, some 2 kB a span (otlp-requests.ts). The server and this
 * load share the machine.
 *
 *   npx tsx bench/otlp.ts [--spans 24000] [--passes 3] [--per-request 96] [--at-once 4] [--stock 15]
 *     [--redis redis://127.0.0.1:6379] [--path /v1/traces] [--against FOLDER] [--cpu-prof FOLDER] [--smoke]
 */

const { values } = parseArgs({
  options: {
    spans: { type: 'string', default: '24000' },
    passes: { type: 'string', default: '3' },
    'per-request': { type: 'string', default: '96' },
    'at-once': { type: 'string', default: '4' },
    path: { type: 'string', default: '/v1/traces' },
    redis: { type: 'string' },
    stock: { type: 'string' },
    against: { type: 'string' },
    'cpu-prof': { type: 'string' },
    smoke: { type: 'boolean', default: false },
  },
})
const perRequest = Number(values['per-request'])
const requestCount = values.smoke ? 10 : Math.ceil(Number(values.spans) / perRequest)
const spanCount = requestCount * perRequest
const passCount = values.smoke ? 1 : Number(values.passes)
const profile = values['cpu-prof']

await withFreshStore(
  async (store) => {
    const { db } = store
    const tenant = await insertTenant(db)
    const nodeOptions = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]
    const options = { redisUrl: values.redis, nodeOptions, against: values.against }
    const seen: Record<string, number>[] = []
    await withServer(store, options, async (server) => {
      const pids = new Map<string, number | null>(server.pids)
      pids.set('Postgres', await postgresPid(db))
      if (values.redis !== undefined) pids.set('Redis', await redisPid(values.redis))
      // The first pass compiles the code that the others run, and fills the caches.
      for (let i = 0; i <= passCount; i++) {
        const figures = await pass(db, server.url, tenant, pids)
        if (i > 0) seen.push(figures)
      }
    })
    const where = values.redis === undefined ? 'all in one process' : 'Redis, API and worker apart'
    const postgres = values.stock === undefined ? 'embedded' : `stock Postgres ${values.stock}`
    console.log(
      `otlp, ${where}, ${postgres}: ${seen.length} passes of ${spanCount} spans, ${perRequest} a request`,
    )
    for (const name of Object.keys(seen[0]!)) {
      const sorted = seen.map((figures) => figures[name]!).toSorted((a, b) => a - b)
      const median = sorted[Math.floor(sorted.length / 2)]!
      console.log(`  ${name}: ${[median, sorted[0]!, sorted.at(-1)!].map(Math.round).join(' ')}`)
    }
  },
  { stock: values.stock },
)

async function pass(
  db: Db,
  url: string,
  tenant: TestTenant,
  pids: ReadonlyMap<string, number | null>,
): Promise<Record<string, number>> {
  await db`truncate runs, traces, trace_aggregates, dirty_traces`
  await db`checkpoint`
  const requests = makeExports(spanCount, { perRequest, tenant, path: values.path })
  const before = await readAll(pids)
  const startedAt = performance.now()
  await sendPrepared(url, requests, Number(values['at-once']))
  const accepted = (performance.now() - startedAt) / 1000
  await untilReadable(db, tenant, requests)
  const seconds = (performance.now() - startedAt) / 1000
  const after = await readAll(pids)
  const [row] = await db<{ n: number }[]>`select count(*) as n from runs`
  if (row!.n !== spanCount) throw new Error(`${row!.n} of ${spanCount} spans can be read`)
  return {
    'spans/s': spanCount / seconds,
    'accepted spans/s': spanCount / accepted,
    ...Object.fromEntries(
      [...after].map(([name, micros]) => [
        `CPU of ${name}, µs/span`,
        (micros - before.get(name)!) / spanCount,
      ]),
    ),
  }
}

async function readAll(pids: ReadonlyMap<string, number | null>): Promise<Map<string, number>> {
  const all = [...pids].map(
    async ([name, pid]) => [name, (await cpuMicros(pid)) ?? Number.NaN] as const,
  )
  const { user, system } = process.cpuUsage()
  return new Map([...(await Promise.all(all)), ['this load', user + system] as const])
}

/** Looks for one trace of each request, because counting the table would take the time of the server. */
async function untilReadable(
  db: Db,
  tenant: TestTenant,
  requests: readonly PreparedRequest[],
): Promise<void> {
  const end = Date.now() + 120_000
  let left = requests.map(({ traceId }) => traceId)
  while (left.length > 0) {
    const found = await db<{ id: string }[]>`
      select replace(id::text, '-', '') as id from traces
      where tenant_id = ${tenant.id} and id = any(${left}::uuid[])`
    const ids = new Set(found.map(({ id }) => id))
    left = left.filter((id) => !ids.has(id))
    if (Date.now() > end) throw new Error(`${left.length} requests were not applied`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
