import type { LoadCounts } from './load.ts'
import type { Recovery } from './recovery.ts'
import type { Verdict } from './verify.ts'
import type { DerivedVerdict } from './verify-derived.ts'

export interface FaultRecord extends Recovery {
  kind: string
  /** What was done, in words. */
  note: string
  /** When it began, in milliseconds since the load began. */
  atMs: number
  durationMs: number
  unanswered: number
}

export interface Result {
  seed: number
  mode: string
  seconds: number
  description: string
  acknowledged: number
  faults: FaultRecord[]
  skipped: Record<string, string>
  load: Omit<LoadCounts, 'statuses'> & { statuses: Record<string, number> }
  refusals: readonly string[]
  unanswered: readonly string[]
  ends: readonly string[]
  /** Faults that failed, such as a migration beside another. */
  failures: readonly string[]
  /** False when acknowledged runs were still not readable at the end. */
  drained: boolean
  rows: Verdict
  derived: DerivedVerdict
  /** False when the repeating jobs no longer run. */
  sweeps: boolean
}

/** @returns what is wrong, one sentence each; empty when everything held */
export function findProblems(result: Result): string[] {
  const { rows, derived, load } = result
  const counts: [number, string][] = [
    [rows.lost, 'acknowledged rows are lost'],
    [rows.wrong, 'rows differ from the fold of the ledger'],
    [derived.deadLetters, 'dead letters'],
    [derived.stale, 'experiments were not refreshed'],
    [derived.wrongAggregates, 'aggregates differ from a rebuild'],
    [derived.wrongRollups, 'traces differ from their runs'],
    [result.ends.length, 'processes ended by themselves'],
    [load.unanswered, 'requests had no answer within 5 s'],
    [result.refusals.length, 'requests were refused'],
    [load.givenUp, 'requests were never taken'],
    [result.failures.length, 'faults failed'],
    [result.drained ? 0 : 1, 'backlog did not drain'],
    [result.sweeps ? 0 : 1, 'sweep no longer runs'],
  ]
  return counts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`)
}

export function printReport(result: Result): void {
  const { rows, derived, load } = result
  console.log(`\nseed ${result.seed}: ${result.description}`)
  const kinds = [...new Set(result.faults.map(({ kind }) => kind))].toSorted()
  const table = kinds.map((kind) => {
    const of = result.faults.filter((fault) => fault.kind === kind)
    return [
      kind,
      String(of.length),
      spread(of.map(({ acknowledgedMs }) => acknowledgedMs)),
      spread(of.map(({ visibleMs }) => visibleMs)),
      String(of.reduce((sum, { unanswered }) => sum + unanswered, 0)),
    ]
  })
  printTable([['fault', 'times', 'accepts after', 'caught up after', 'unanswered'], ...table])
  for (const [kind, reason] of Object.entries(result.skipped)) {
    console.log(`not done: ${kind} (${reason})`)
  }
  const statuses = Object.entries(load.statuses).map(([status, count]) => `${count} × ${status}`)
  printTable([
    ['', ''],
    ['events acknowledged', String(result.acknowledged)],
    ['requests', `${load.attempts}: ${statuses.join(', ')}, ${load.broken} × broken connection`],
    ['no answer within 5 s', String(load.unanswered)],
    ['  of a process that was stopped', String(load.unansweredWhileFrozen)],
    ['slowest answer', `${(load.slowestMs / 1000).toFixed(1)} s`],
    ['requests never taken', String(load.givenUp)],
    ['rows compared', `${rows.rows}, of which ${rows.uncertain} only for being there`],
    ['lost', String(rows.lost)],
    ['wrong', String(rows.wrong)],
    ['taken by FLUSHALL', String(rows.forgiven)],
    ['aggregates unlike a rebuild', `${derived.wrongAggregates} of ${derived.experiments}`],
    ['aggregates not refreshed', String(derived.stale)],
    ['the sweep still runs', result.sweeps ? 'yes' : 'NO'],
    ['traces unlike their runs', String(derived.wrongRollups)],
    ['dead letters', String(derived.deadLetters)],
    ['processes that ended by themselves', String(result.ends.length)],
  ])
  const told = [
    ...result.ends,
    ...result.failures,
    ...result.refusals,
    ...result.unanswered,
    ...rows.findings,
    ...derived.findings,
  ]
  for (const sentence of told) console.log(`  ${sentence}`)
  const problems = findProblems(result)
  console.log(problems.length === 0 ? '\nEverything held.' : `\nNOT HELD: ${problems.join(', ')}.`)
}

/** The median and the most, in seconds; what never came is told. */
function spread(times: (number | null)[]): string {
  const known = times.filter((ms) => ms !== null).toSorted((a, b) => a - b)
  const never = times.length - known.length
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
  const parts: string[] = []
  if (known.length > 0) parts.push(seconds(known[Math.floor((known.length - 1) / 2)]!))
  if (known.length > 1) parts.push(`at most ${seconds(known.at(-1)!)}`)
  if (never > 0) parts.push(`${never} × not within the limit`)
  return parts.join(', ')
}

function printTable(rows: string[][]): void {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  for (const row of rows) {
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
  }
}
