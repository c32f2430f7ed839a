import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { closePool, openPool, type Db } from '../src/store/pool.ts'
import { aggregateRefresh } from '../src/store/write/aggregates/aggregates.ts'
import { createPace } from '../workers/pace.ts'
import { withApi } from './api/api-in-process.ts'
import { runsPerTrace } from './history/rows.ts'
import { withHistory } from './history/store.ts'
import { createChanges } from './suite/changes.ts'
import { publish } from './suite/publish.ts'
import { percentile } from './suite/spread.ts'
import { readStatistics } from './suite/statistics-reads.ts'

/*
 * What statistics cost in a project that holds most of the runs (architecture.md 10): a pass over all traces, as after an
 * upgrade; GET /sessions/{id}?include_stats right after a write; and the refreshes at a steady rate of events, in CPU time
 * of Postgres and of this process, and until how long after a write they are done. Half of the traces that are written are
 * new, the others are old and get feedback. The figures should not depend on --runs.
 *
 *   npm run bench -- statistics [--runs 100000] [--rate 2000] [--seconds 10] [--reads 50] [--store FOLDER] [--no-pass]
 *     [--docs] [--smoke]
 *
 * --store is a folder whose Postgres is kept and used again; what this writes into it stays there.
 */

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '100000' },
    rate: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '10' },
    reads: { type: 'string', default: '50' },
    store: { type: 'string' },
    'no-pass': { type: 'boolean', default: false },
    docs: { type: 'boolean', default: false },
    smoke: { type: 'boolean', default: false },
  },
})
const runs = values.smoke ? 4000 : Number(values.runs)
const rate = values.smoke ? 400 : Number(values.rate)
const seconds = values.smoke ? 1 : Number(values.seconds)
const reads = values.smoke ? 3 : Number(values.reads)
const traces = Math.ceil(runs / runsPerTrace)

await withHistory({ runs, projects: 10 }, { keptIn: values.store }, async (store, history) => {
  const { db, databaseUrl } = store
  const { tenantId, projectId } = history
  const write = createChanges(db, { tenantId, experimentId: projectId, traces, runsPerTrace })
  // Of its own, so that the CPU time of its server process is that of the refreshes.
  const refresher = openPool(databaseUrl, { max: 1 })
  try {
    const pass = values['no-pass'] ? null : await measurePass(refresher, tenantId)
    const eventsBetween = Math.ceil(rate / 4)
    let times: number[] = []
    await withApi(store, async (url) => {
      // What is written in a quarter of a second: workers refresh no less often.
      times = await readStatistics(db, url, history, write, { reads, eventsBetween })
    })
    const read = { p50: percentile(times, 50), p99: percentile(times, 99) }
    console.log(
      `${runs} runs: statistics are read in p50 ${read.p50.toFixed(0)} ms, p99 ${read.p99.toFixed(0)} ms after ${eventsBetween} events`,
    )
    const refresh = await measureRefreshes(refresher, tenantId, write)
    if (values.docs) {
      const figures = { runs, rate, readMs: read, pass, refresh }
      await publish('statistics', figures, { db })
    }
  } finally {
    await closePool(refresher)
  }
})

async function measurePass(db: Db, tenantId: string) {
  await db`insert into aggregate_passes (tenant_id) values (${tenantId})`
  const before = await cpuOf(db)
  const begun = performance.now()
  while (await aggregateRefresh(db, tenantId));
  const tookMs = performance.now() - begun
  const { server, own } = await cpuSince(db, before)
  const perTrace = { postgres: (server / traces) * 1000, worker: (own / traces) * 1000 }
  console.log(
    `${runs} runs: a pass over all takes ${(tookMs / 1000).toFixed(1)} s; per trace ${perTrace.postgres.toFixed(0)} µs of Postgres and ${perTrace.worker.toFixed(0)} µs here`,
  )
  return { seconds: tookMs / 1000, microsPerTrace: perTrace }
}

async function measureRefreshes(db: Db, tenantId: string, write: (count: number) => Promise<void>) {
  const pace = createPace()
  const fresh: number[] = []
  let [server, own, passedMs, events] = [0, 0, 0, 0]
  while (passedMs < seconds * 1000) {
    const delayMs = pace.delayMs(tenantId)
    const due = Math.round((rate * delayMs) / 1000)
    await write(due)
    const before = await cpuOf(db)
    const begun = performance.now()
    await pace.measure(tenantId, async () => aggregateRefresh(db, tenantId))
    const tookMs = performance.now() - begun
    const cpu = await cpuSince(db, before)
    server += cpu.server
    own += cpu.own
    // The next refresh begins so long after this one, or as soon as that is done.
    passedMs += Math.max(delayMs, tookMs)
    events += due
    fresh.push(delayMs + tookMs)
  }
  const percentOfCore = (ms: number) => ((ms / events) * rate) / 10
  const found = {
    freshMs: { p50: percentile(fresh, 50), p99: percentile(fresh, 99) },
    percentOfCore: { postgres: percentOfCore(server), worker: percentOfCore(own) },
  }
  console.log(
    `${runs} runs: at ${rate} events/s, statistics are fresh after p50 ${found.freshMs.p50.toFixed(0)} ms, p99 ${found.freshMs.p99.toFixed(0)} ms, for ${found.percentOfCore.postgres.toFixed(1)} % of a core in Postgres and ${found.percentOfCore.worker.toFixed(1)} % here`,
  )
  return found
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
