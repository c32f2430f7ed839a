import type { Run } from '../../api/run-answers.ts'

/** A run in its tree, as one line. */
export interface Line {
  run: Run
  depth: number
  hasChildren: boolean
  /** Runs below it, at any depth. */
  below: number
}

/** A trace as lines: parents before children, siblings as they began. What is below a closed run is left out. */
export function linesOf(runs: readonly Run[], closed: ReadonlySet<string>): Line[] {
  const ids = new Set(runs.map(({ id }) => id))
  const children = new Map<string | null, Run[]>()
  for (const run of runs) {
    // A run whose parent has not arrived stands at the top.
    const parent =
      run.parent_run_id !== null && ids.has(run.parent_run_id) ? run.parent_run_id : null
    const siblings = children.get(parent)
    if (siblings === undefined) children.set(parent, [run])
    else siblings.push(run)
  }
  for (const siblings of children.values()) {
    siblings.sort((a, b) => (key(a) < key(b) ? -1 : 1))
  }
  const lines: Line[] = []
  const seen = new Set<string>()
  /** @returns how many runs there are */
  const visit = (run: Run, depth: number, isHidden: boolean): number => {
    if (seen.has(run.id)) return 0
    seen.add(run.id)
    const own = children.get(run.id) ?? []
    const line: Line = { run, depth, hasChildren: own.length > 0, below: 0 }
    if (!isHidden) lines.push(line)
    for (const child of own) line.below += visit(child, depth + 1, isHidden || closed.has(run.id))
    return line.below + 1
  }
  for (const run of children.get(null) ?? []) visit(run, 0, false)
  // Clients can make cycles of parents: those stand at the top too.
  for (const run of runs) visit(run, 0, false)
  return lines
}

function key({ start_time, id }: Run): string {
  return `${start_time ?? '~'} ${id}`
}

/** The time that a trace took, in epoch milliseconds. */
export interface Span {
  from: number
  to: number
}

export function spanOf(runs: readonly Run[], now: number): Span {
  const starts = runs.flatMap(({ start_time }) =>
    start_time === null ? [] : [Date.parse(start_time)],
  )
  const from = starts.length === 0 ? now : Math.min(...starts)
  const ends = runs.map((run) => endOf(run, now))
  return { from, to: Math.max(from + 0.001, ...ends) }
}

/** A run that is under way lasts until now, but for those that were given up long ago. */
function endOf({ start_time, end_time }: Run, now: number): number {
  if (end_time !== null) return Date.parse(end_time)
  if (start_time === null) return 0
  const start = Date.parse(start_time)
  return now - start < 3_600_000 ? now : start
}

/** Where a run stands in the span: shares of its length. */
export function placeOf(
  run: Run,
  { from, to }: Span,
  now: number,
): { left: number; width: number } {
  if (run.start_time === null) return { left: 0, width: 0 }
  const start = Date.parse(run.start_time)
  const length = to - from
  return {
    left: Math.min(1, Math.max(0, (start - from) / length)),
    width: Math.min(1, Math.max(0, (endOf(run, now) - start) / length)),
  }
}

/** Round times on the axis, in seconds from its beginning. */
export function ticksOf({ from, to }: Span): number[] {
  const seconds = (to - from) / 1000
  const power = 10 ** Math.floor(Math.log10(seconds / 3))
  const step =
    [1, 2, 5, 10].map((each) => each * power).find((each) => seconds / each <= 4) ?? seconds
  const ticks: number[] = []
  for (let i = 0; i * step < seconds; i++) ticks.push(i * step)
  return ticks
}
