import { ancestorIds, formatDottedOrder, rootIdOf } from '../../../domain/dotted-order.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Queryable } from '../../pool.ts'
import { runStatement } from '../../statements.ts'

/*
 * Places of runs in their trees. LangSmith's clients send the path of a run, its dotted order. OpenTelemetry's and
 * Langfuse's only name the parent, so their paths are derived when they are read. Such a path is right in whatever
 * order the runs arrived, and also after an ancestor has changed.
 */

/** What a path is derived from. */
export interface PlacedRun {
  id: string
  traceId: string | null
  parentRunId: string | null
  dottedOrder: string | null
  startTime: Timestamp | null
  createdAt: Timestamp | null
}

type Ancestor = Omit<PlacedRun, 'traceId'>

/** A path names at most this many ancestors that came without a path, so that cycles and endless chains end. */
const maxAncestors = 256

/**
 * Fills in the dotted order of runs that are stored without one. Their trace's id becomes that of their root run, as
 * LangSmith's clients expect (contracts/langsmith.md 3.7). Where an ancestor has not arrived, the path begins below it,
 * and the trace keeps its id. Reads one statement, and none if every run has a path.
 */
export async function withPaths<R extends PlacedRun>(
  db: Queryable,
  tenantId: string,
  runs: readonly R[],
): Promise<R[]> {
  const parents = runs.flatMap((run) =>
    run.dottedOrder === null && run.parentRunId !== null ? [run.parentRunId] : [],
  )
  const ancestors =
    parents.length === 0
      ? []
      : await runStatement<Ancestor>(db, 'run_list_ancestors', [
          tenantId,
          [...new Set(parents)],
          maxAncestors,
        ])
  const byId = new Map(ancestors.map((run) => [run.id, run]))
  return runs.map((run) => (run.dottedOrder === null ? { ...run, ...pathOf(run, byId) } : run))
}

function pathOf(
  run: PlacedRun,
  ancestors: ReadonlyMap<string, Ancestor>,
): Pick<PlacedRun, 'dottedOrder' | 'traceId'> {
  const path: Ancestor[] = [run]
  const ids = new Set([run.id])
  let top: Ancestor = run
  for (;;) {
    const parent = top.parentRunId === null ? undefined : ancestors.get(top.parentRunId)
    if (parent === undefined || path.length > maxAncestors || ids.has(parent.id)) break
    path.unshift(parent)
    ids.add(parent.id)
    top = parent
    if (parent.dottedOrder !== null) break
  }
  const segments = path.flatMap(segmentOf)
  // A run without any time is a fragment, of which only an update has come.
  if (segments.length < path.length) return run
  const dottedOrder = segments.join('.')
  // A run that waits for its parent (`isRootSql`) has no trace yet.
  const hasRoot = top.dottedOrder !== null || (top.parentRunId === null && run.traceId !== null)
  return { dottedOrder, traceId: hasRoot ? rootIdOf(dottedOrder) : run.traceId }
}

function segmentOf({ id, dottedOrder, startTime, createdAt }: Ancestor): string[] {
  if (dottedOrder !== null) return [dottedOrder]
  const time = startTime ?? createdAt
  return time === null ? [] : [formatDottedOrder([{ time, id }])]
}

export interface Relatives {
  /** All descendants, parents before children, and siblings in order. */
  childRunIds: string[]
  directChildRunIds: string[]
  traceMaxStartTime: Timestamp | null
}

interface Relative extends PlacedRun {
  traceId: string
}

/**
 * Finds the relatives of runs. Reads every trace once, however many of its runs are asked for.
 * @param runs as `withPaths` returns them
 * @param traceIds the traces in which these runs are stored
 */
export async function runListRelatives(
  db: Queryable,
  tenantId: string,
  runs: readonly PlacedRun[],
  traceIds: readonly (string | null)[],
): Promise<(run: Pick<PlacedRun, 'id'>) => Relatives> {
  // Runs that LangSmith's SDKs add to a trace of other clients are stored under the trace's id as they know it.
  const traces = new Set([...traceIds, ...runs.map((run) => run.traceId)])
  const found = await runStatement<Relative>(db, 'run_list_relatives', [
    tenantId,
    [...traces].filter((id) => id !== null),
  ])
  const ids = new Set(found.map((run) => run.id))
  const sorted = found
    .map((run) => ({ run, key: sortKeyOf(run) }))
    .toSorted((a, b) => (a.key < b.key ? -1 : 1))
  const latest = new Map<string, Timestamp>()
  const direct = new Map<string, string[]>()
  const below = new Map<string, string[]>()
  const traceOf = new Map<string, string>()
  for (const { run } of sorted) {
    const { id, traceId, parentRunId, startTime } = run
    traceOf.set(id, traceId)
    if (startTime !== null && startTime > (latest.get(traceId) ?? ''))
      latest.set(traceId, startTime)
    if (parentRunId !== null) push(direct, parentRunId, id)
    const nearest = nearestAncestor(run, ids)
    if (nearest !== null) push(below, nearest, id)
  }
  return ({ id }) => ({
    childRunIds: descendantsOf(id, below),
    directChildRunIds: direct.get(id) ?? [],
    traceMaxStartTime: latest.get(traceOf.get(id) ?? '') ?? null,
  })
}

/** Siblings are sorted by their own segment. */
function sortKeyOf({ id, dottedOrder, startTime, createdAt }: Relative): string {
  if (dottedOrder !== null) return dottedOrder.slice(dottedOrder.lastIndexOf('.') + 1)
  const time = startTime ?? createdAt
  return time === null ? `~${id}` : formatDottedOrder([{ time, id }])
}

/** The parent or, while that has not arrived, the closest ancestor that the run's path names. */
function nearestAncestor(run: Relative, ids: ReadonlySet<string>): string | null {
  if (run.parentRunId !== null && ids.has(run.parentRunId)) return run.parentRunId
  return ancestorIds(run.dottedOrder ?? '').findLast((id) => ids.has(id)) ?? null
}

function descendantsOf(id: string, below: ReadonlyMap<string, readonly string[]>): string[] {
  const found = new Set<string>()
  const waiting = (below.get(id) ?? []).toReversed()
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    // A cycle of parents leads back here.
    if (next === id || found.has(next)) continue
    found.add(next)
    waiting.push(...(below.get(next) ?? []).toReversed())
  }
  return [...found]
}

function push(lists: Map<string, string[]>, key: string, value: string): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [value])
  else list.push(value)
}
