import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { eventVersion, type IngestEvent } from '../src/domain/events.ts'
import { fromEpochMs } from '../src/domain/timestamp.ts'
import { closePool, openPool, type Db } from '../src/store/pool.ts'
import { aggregateRefresh } from '../src/store/write/aggregates.ts'
import { applyEvents } from '../src/store/write/ingest.ts'
import { insertTenant } from '../test/support/tenant.ts'
import { createPace } from '../workers/pace.ts'
import { withApi } from './api-in-process.ts'
import { withFreshStore } from './fresh-store.ts'

/*
 * What statistics cost in one project that holds all runs (architecture.md 10): their first computation, as after an
 * upgrade; GET /sessions/{id}?include_stats right after a write; and the refreshes at a steady rate of events, in CPU time
 * of Postgres and of this process, and until how long after a write they are done. Half of the traces that are written are
 * new, the others are old and get feedback. The figures should not depend on --runs.
 *
 *   npx tsx bench/statistics.ts [--runs 100000] [--rate 2000] [--seconds 10] [--reads 50] [--smoke]
 */

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '100000' },
    rate: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '10' },
    reads: { type: 'string', default: '50' },
    'database-url': { type: 'string' },
    smoke: { type: 'boolean', default: false },
  },
})
const runs = values.smoke ? 4000 : Number(values.runs)
const rate = values.smoke ? 400 : Number(values.rate)
const seconds = values.smoke ? 1 : Number(values.seconds)
const reads = values.smoke ? 3 : Number(values.reads)
const runsPerTrace = 4
const traces = Math.ceil(runs / runsPerTrace)
const tracesPerFill = 10_000
const experimentId = randomUUID()
const start = Date.UTC(2026, 0, 1)
let written = 0

await withFreshStore(
  async (store) => {
    const { db } = store
    const { id: tenantId, secretKey } = await insertTenant(db)
    await fill(db, tenantId)
    // Of its own, so that the CPU time of its server process is that of the refreshes.
    const refresher = openPool(store.databaseUrl, { max: 1 })
    try {
      await measureBuild(refresher, tenantId)
      await withApi(store, async (url) =>
        measureReads(db, tenantId, `${url}/sessions/${experimentId}`, secretKey),
      )
      await measureRefreshes(db, refresher, tenantId)
    } finally {
      await closePool(refresher)
    }
  },
  { databaseUrl: values['database-url'] },
)

async function measureBuild(db: Db, tenantId: string): Promise<void> {
  const before = await cpuOf(db)
  const begun = performance.now()
  while (await aggregateRefresh(db, tenantId));
  const tookMs = performance.now() - begun
  const { server, own } = await cpuSince(db, before)
  console.log(
    `${runs} runs: computed for the first time in ${(tookMs / 1000).toFixed(1)} s; per trace ${((server / traces) * 1000).toFixed(0)} us of Postgres and ${((own / traces) * 1000).toFixed(0)} us here`,
  )
}

async function measureReads(
  db: Db,
  tenantId: string,
  url: string,
  secretKey: string,
): Promise<void> {
  const times: number[] = []
  for (let i = 0; i < reads; i++) {
    // What is written in a quarter of a second: workers refresh no less often.
    await write(db, tenantId, Math.ceil(rate / 4))
    const begun = performance.now()
    const answer = await fetch(`${url}?include_stats=true`, { headers: { 'x-api-key': secretKey } })
    const { run_count } = (await answer.json()) as { run_count: number }
    times.push(performance.now() - begun)
    const [row] = await db<{ n: number }[]>`
      select count(*)::integer as n from runs where experiment_id = ${experimentId} and parent_run_id is null
      and start_time >= ${fromEpochMs(start + 1e12)}`
    if (run_count !== traces + row!.n) throw new Error(`${run_count} runs`)
  }
  console.log(
    `${runs} runs: statistics are read in p50 ${percentile(times, 0.5)} ms, p99 ${percentile(times, 0.99)} ms after ${Math.ceil(rate / 4)} events`,
  )
}

async function measureRefreshes(db: Db, refresher: Db, tenantId: string): Promise<void> {
  const pace = createPace()
  const fresh: number[] = []
  let [server, own, passedMs, events] = [0, 0, 0, 0]
  while (passedMs < seconds * 1000) {
    const delayMs = pace.delayMs(tenantId)
    const due = Math.round((rate * delayMs) / 1000)
    await write(db, tenantId, due)
    const before = await cpuOf(refresher)
    const begun = performance.now()
    await pace.measure(tenantId, async () => aggregateRefresh(refresher, tenantId))
    const tookMs = performance.now() - begun
    const cpu = await cpuSince(refresher, before)
    server += cpu.server
    own += cpu.own
    // The next refresh begins so long after this one, or as soon as that is done.
    passedMs += Math.max(delayMs, tookMs)
    events += due
    fresh.push(delayMs + tookMs)
  }
  const share = (ms: number) => ((ms / events) * rate) / 10
  console.log(
    `${runs} runs: at ${rate} events/s, statistics are fresh after p50 ${percentile(fresh, 0.5)} ms, p99 ${percentile(fresh, 0.99)} ms, for ${share(server).toFixed(1)} % of a core in Postgres and ${share(own).toFixed(1)} % here`,
  )
}

interface Cpu {
  server: number
  own: number
}

/** Milliseconds of CPU that the connection's server process and this process have used; Linux only. */
async function cpuOf(db: Db): Promise<Cpu> {
  const [row] = await db<{ pid: number }[]>`select pg_backend_pid() as pid`
  const { user, system } = process.cpuUsage()
  return { server: serverCpuMs(row!.pid), own: (user + system) / 1000 }
}

function serverCpuMs(pid: number): number {
  try {
    const [, fields] = readFileSync(`/proc/${pid}/schedstat`, 'utf8').match(/^(\d+)/) ?? []
    return Number(fields) / 1e6
  } catch {
    return NaN
  }
}

async function cpuSince(db: Db, before: Cpu): Promise<Cpu> {
  const now = await cpuOf(db)
  return { server: now.server - before.server, own: now.own - before.own }
}

/** Writes events as workers do: whole new traces, and feedback on the root run of one old trace for each. */
async function write(db: Db, tenantId: string, count: number): Promise<void> {
  const events: IngestEvent[] = []
  while (events.length < count) {
    const id = randomUUID()
    const startTime = fromEpochMs(start + 1e12 + written * 100)!
    const endTime = fromEpochMs(start + 1e12 + written * 100 + 500 + (written % 3000))!
    const add = (kind: IngestEvent['kind'], eventId: string, patch: object) =>
      events.push({
        kind,
        id: eventId,
        externalId: null,
        version: eventVersion('create', startTime, eventId),
        patch,
      })
    for (let n = 0; n < runsPerTrace; n++) {
      add('run', n === 0 ? id : randomUUID(), {
        traceId: id,
        experimentId,
        name: `step ${n}`,
        runType: n === 2 ? 'llm' : 'chain',
        startTime,
        endTime,
        ...(n === 0 ? {} : { parentRunId: id }),
        ...(n === 2 ? { promptTokens: 10, completionTokens: 20, totalTokens: 30 } : {}),
      })
    }
    const old = await oldTrace(db)
    add('feedback', randomUUID(), {
      runId: old,
      traceId: old,
      key: 'correctness',
      scoreNumber: written % 5,
    })
    written++
  }
  const batch = events.map((event) => ({ tenantId, event }))
  for (let i = 0; i < batch.length; i += 500) await applyEvents(db, batch.slice(i, i + 500))
}

async function oldTrace(db: Db): Promise<string> {
  const [row] = await db<{ id: string }[]>`
    select md5('trace' || ${1 + Math.floor(Math.random() * traces)}::int)::uuid as id`
  return row!.id
}

/** Writes rows as the worker leaves them, by SQL alone, and asks for their statistics as the migration does. */
async function fill(db: Db, tenantId: string): Promise<void> {
  await db`
    insert into experiments (tenant_id, id, name, name_scope, start_time, created_at, updated_at)
    values (${tenantId}, ${experimentId}, 'project', ${tenantId}, now(), now(), now())`
  for (let first = 1; first <= traces; first += tracesPerFill) {
    const last = Math.min(traces, first + tracesPerFill - 1)
    const trace = db`
      select md5('trace' || t)::uuid as trace_id, t, abs(hashint4(t)) as h, '2026-01-01'::timestamptz + t * interval '1 s' as at
      from generate_series(${first}::int, ${last}::int) as t`
    await db`
      insert into runs (tenant_id, id, v, m, trace_id, experiment_id, parent_run_id, name, run_type, start_time, end_time,
        inputs, outputs, prompt_tokens, completion_tokens, total_tokens, total_cost, error)
      select ${tenantId}, case n when 0 then trace_id else md5('run' || t || '/' || n)::uuid end, 1, 0, trace_id,
        ${experimentId}, case when n > 0 then trace_id end, 'step ' || n, case when n = 2 then 'llm' else 'chain' end,
        at + n * interval '1 ms', at + interval '0.5 s' + h % 30000 * interval '1 ms',
        json_build_object('question', repeat(md5(t::text), 8)), json_build_object('answer', repeat(md5(t::text), 8)),
        case when n = 2 then 10 end, case when n = 2 then h % 500 end, case when n = 2 then 10 + h % 500 end,
        case when n = 2 then 0.000015 * (h % 500) end, case when n = 0 and h % 50 = 0 then '"failed"'::json end
      from (${trace}) as trace cross join generate_series(0, ${runsPerTrace - 1}::int) as n`
    await db`
      insert into traces (tenant_id, id, v, m, root_run_id, start_time, end_time, run_count, error_count, first_token_time,
        prompt_tokens, completion_tokens, total_tokens, total_cost)
      select ${tenantId}, trace_id, 1, 0, trace_id, at, at + interval '0.5 s' + h % 30000 * interval '1 ms',
        ${runsPerTrace}::int, (h % 50 = 0)::integer, at + h % 400 * interval '1 ms', 10, h % 500, 10 + h % 500,
        0.000015 * (h % 500)
      from (${trace}) as trace`
    await db`
      insert into feedback (tenant_id, id, v, m, run_id, trace_id, key, score_number, value_text, created_at)
      select ${tenantId}, md5('feedback' || t)::uuid, 1, 0, trace_id, trace_id, 'correctness', h % 5,
        case when h % 5 > 2 then 'GOOD' end, at
      from (${trace}) as trace where h % 4 = 0`
  }
  await db`insert into aggregate_passes (tenant_id) values (${tenantId})`
  await db.unsafe('vacuum analyze', [], { limit: 'none' })
}

function percentile(times: number[], part: number): string {
  const sorted = times.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!.toFixed(0)
}
