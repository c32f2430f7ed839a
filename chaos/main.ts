// npm run chaos: the whole system under load and under faults, then everything that was acknowledged against the tables.
import { writeFile } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { watchBacklog, type Backlog } from './backlog.ts'
import { failoverTable, measureFailover } from './failover.ts'
import { faultKinds } from './faults.ts'
import { createLedger } from './ledger.ts'
import { createLoad, type Load } from './load.ts'
import { planFaults } from './plan.ts'
import { createRandom } from './random.ts'
import { watchRecovery, type Recovery } from './recovery.ts'
import { findProblems, printReport, type FaultRecord, type Result } from './report.ts'
import { createSetting } from './setting.ts'
import { startSystem, type FaultableRedis, type Mode, type System } from './system.ts'
import { sweepRuns, verifyDerived } from './verify-derived.ts'
import { verifyRows } from './verify.ts'

const { values: options } = parseArgs({
  options: {
    /** How long faults go on. Starting, draining and comparing come on top. */
    seconds: { type: 'string', default: '120' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e6)) },
    /** Events a second. */
    rate: { type: 'string', default: '200' },
    /** `postgres`: without Redis. */
    queue: { type: 'string', default: 'redis' },
    /** `embedded`: one process on its own Postgres. */
    mode: { type: 'string', default: 'full' },
    /** Only these kinds, separated by commas. */
    faults: { type: 'string' },
    /** A folder of the version before, built: one of its workers joins in. */
    previous: { type: 'string' },
    /** At the end Redis is emptied. What waited in it is lost by that, and is not counted. */
    flushall: { type: 'boolean', default: false },
    /** Only this: failovers of Redis by Sentinel and in a Cluster, and what they lose. */
    failover: { type: 'boolean', default: false },
    /** Where the result goes as JSON. */
    json: { type: 'string' },
  },
})

if (options.failover) {
  const rows = await measureFailover()
  console.log(failoverTable(rows))
  if (options.json !== undefined) await writeFile(options.json, JSON.stringify(rows, null, 2))
  process.exit()
}

const seed = Number(options.seed)
const seconds = Number(options.seconds)
/** How long a system may take to be back to normal before the next fault comes all the same. */
const recoveryLimitMs = 60_000
/** Workers rest for up to a minute between two refreshes of one experiment when they take long (workers/pace.ts). */
const freshLimitMs = 120_000
const warmUpMs = 4000
const drainLimitMs = 180_000

const mode: Mode =
  options.mode === 'embedded' ? 'embedded' : options.queue === 'postgres' ? 'postgres' : 'redis'
console.log(`seed ${seed}, ${seconds} s of faults, mode ${mode}`)
const system = await startSystem(mode)
let keepFolder = true
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => {
    void system.stop({ keepFolder: false }).then(() => process.exit(130))
  })
}
try {
  const result = await run(system)
  printReport(result)
  if (options.json !== undefined) await writeFile(options.json, JSON.stringify(result, null, 2))
  keepFolder = findProblems(result).length > 0
  if (keepFolder) {
    process.exitCode = 1
    console.log(`The processes' logs are in ${system.folder}. Again: --seed ${seed}`)
  }
} finally {
  await system.stop({ keepFolder })
}
// A connection that was cut in the middle of a write may keep its handle, and must not keep this process.
process.exit()

async function run(system: System): Promise<Result> {
  console.log(system.description)
  const setting = await createSetting(system, seed)
  const ledger = createLedger(setting.epochMs)
  const random = createRandom(seed)
  const load = createLoad({ system, setting, ledger, random, rate: Number(options.rate) })
  const backlog = watchBacklog(system, load, seed)
  const measure = watchRecovery(load, backlog, system.apis.length)
  const { kinds, skipped } = faultKinds(system, { previous: options.previous ?? null })
  const wanted = options.faults?.split(',') ?? [...kinds.keys()]
  const unknown = wanted.filter((kind) => !kinds.has(kind))
  if (unknown.length > 0) throw new Error(`Not known or not done here: ${unknown.join(', ')}`)

  const begunAt = Date.now()
  const faults: FaultRecord[] = []
  const failures: string[] = []
  load.start()
  await pause(warmUpMs)
  const slowestBefore = load.counts.slowestMs
  if (slowestBefore > 2000) {
    console.log(
      `NOTE: before any fault an answer took ${(slowestBefore / 1000).toFixed(1)} s, at a load average of ` +
        `${loadavg()[0]!.toFixed(1)}: this machine is busy, and what is said of times says little.`,
    )
  }
  // Its own numbers, which the load does not draw from: the schedule must not depend on how fast requests are answered.
  for (const planned of planFaults(wanted, createRandom(seed + 1))) {
    if (Date.now() - begunAt > seconds * 1000) break
    const from = Date.now()
    const unansweredBefore = load.counts.unanswered
    let note: string
    try {
      note = await kinds.get(planned.kind)!(system, planned)
    } catch (error) {
      note = `failed: ${error instanceof Error ? error.message : String(error)}`
      failures.push(`${planned.kind} ${note}`)
    }
    const durationMs = Date.now() - from
    const recovery = await measure(recoveryLimitMs)
    const unanswered = load.counts.unanswered - unansweredBefore
    const { kind } = planned
    faults.push({ kind, note, atMs: from - begunAt, durationMs, ...recovery, unanswered })
    tellFault(from - begunAt, kind, note, recovery, load)
    await pause(planned.gapMs)
  }
  const flushed = options.flushall ? await flush(system, load, backlog, measure, begunAt) : null
  if (flushed !== null) {
    faults.push(flushed.record)
    if (!flushed.isScheduled) failures.push('flushall: the repeating jobs did not come back')
  }

  console.log(`${clockOf(Date.now() - begunAt)}  no more faults: sending what is left`)
  await load.stop(60_000)
  console.log(
    `${clockOf(Date.now() - begunAt)}  ${ledger.acknowledged} events acknowledged: draining`,
  )
  const drained = await backlog.drained(drainLimitMs)
  if (!drained) console.log(`${backlog.waiting} acknowledged runs are still not readable`)
  backlog.stop()
  // Interactive requests and scores have no watch of their own: their jobs get the same time as those of runs.
  await pause(3000)
  console.log(`${clockOf(Date.now() - begunAt)}  comparing`)
  const db = await system.db()
  const derived = await verifyDerived(db, system.tenantId, freshLimitMs)
  const rows = await verifyRows(
    db,
    system.tenantId,
    { setting, ledger },
    (at) => flushed !== null && at >= flushed.from && at <= flushed.until,
  )
  const sweeps = await sweepRuns(db, system.tenantId, freshLimitMs)
  return {
    seed,
    mode,
    seconds,
    description: system.description,
    acknowledged: ledger.acknowledged,
    faults,
    skipped: Object.fromEntries(skipped),
    load: { ...load.counts, statuses: Object.fromEntries(load.counts.statuses) },
    refusals: load.refusals,
    unanswered: load.unanswered,
    ends: system.ends,
    failures,
    drained,
    rows,
    derived,
    sweeps,
  }
}

/**
 * Empties Redis. Acknowledged work goes with it: what counts is that nothing wedges and that what is sent afterwards
 * is taken and applied. What was acknowledged around that moment may be lost.
 */
async function flush(
  system: System,
  load: Load,
  backlog: Backlog,
  measure: (limitMs: number) => Promise<Recovery>,
  begunAt: number,
): Promise<{ from: number; until: number; isScheduled: boolean; record: FaultRecord }> {
  if (system.redis === null) throw new Error('--flushall needs Redis')
  const at = Date.now()
  const from = Math.min(at, backlog.oldestAt()) - 10_000
  await system.redis.command('FLUSHALL')
  await pause(1000)
  const waiting = `${backlog.forget()} runs were waiting`
  const recovery = await measure(recoveryLimitMs)
  const isScheduled = await schedulesReturn(system.redis, recoveryLimitMs)
  const note = `${waiting}, schedules ${isScheduled ? `are back after at most ${((Date.now() - at) / 1000).toFixed(1)} s` : 'are GONE'}`
  tellFault(at - begunAt, 'flushall', note, recovery, load)
  await pause(10_000)
  const record = { kind: 'flushall', note, atMs: at - begunAt, durationMs: 0, unanswered: 0 }
  return { from, until: at + 1000, isScheduled, record: { ...record, ...recovery } }
}

/** Tells whether the sweep and both collections are repeated again within the limit. */
async function schedulesReturn(redis: FaultableRedis, limitMs: number): Promise<boolean> {
  const count = async (queue: string): Promise<number> =>
    Number(await redis.command('ZCARD', `runmill:{${queue}-0}:repeat`))
  for (const deadline = Date.now() + limitMs; Date.now() < deadline; await pause(100)) {
    if ((await count('sweep')) === 1 && (await count('collect')) === 2) return true
  }
  return false
}

function tellFault(atMs: number, kind: string, note: string, recovery: Recovery, load: Load): void {
  const after = (ms: number | null): string =>
    ms === null ? `not within ${recoveryLimitMs / 1000} s` : `${(ms / 1000).toFixed(1)} s`
  const { acknowledgedMs, visibleMs } = recovery
  console.log(
    `${clockOf(atMs)}  ${kind}: ${note}; accepts after ${after(acknowledgedMs)}, ` +
      `caught up after ${after(visibleMs)}; ${load.counts.unanswered} unanswered, ${system.ends.length} ended`,
  )
}

function clockOf(ms: number): string {
  return `${(ms / 1000).toFixed(0).padStart(5)} s`
}
