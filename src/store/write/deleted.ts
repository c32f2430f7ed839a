import { versionTimeMs, type IngestEvent } from '../../domain/events.ts'
import { toEpochMicros, type Timestamp } from '../../domain/timestamp.ts'
import type { Queryable } from '../pool.ts'
import { runStatement } from '../statements.ts'

/**
 * Thrown when some of the events write what is deleted. The transaction is undone, and done again with the others.
 */
export class DeletedError extends Error {
  override name = 'DeletedError'
  readonly live: IngestEvent[]
  constructor(live: IngestEvent[]) {
    super('some events write what is deleted')
    this.live = live
  }
}

/**
 * Refuses events that write what was deleted (SPEC I11). Looks for tombstones after the rows are written, never
 * before: by now we hold, or have waited for, the locks of every delete that does not see our rows, so its tombstone
 * can be seen. A delete that comes later waits for us and sees our rows.
 * @throws DeletedError with the events that write nothing that was deleted, and nothing inside it
 */
export async function refuseDeleted(
  db: Queryable,
  tenantId: string,
  events: readonly IngestEvent[],
  runs: readonly { id: string; traceId: string | null }[],
): Promise<void> {
  const traces = new Map(runs.map((run) => [run.id, run.traceId]))
  // An event that does not name its trace may still write a run of it.
  const eachOf = (event: IngestEvent, visit: Visit) =>
    eachThing(event, (event.kind === 'run' ? traces.get(event.id) : null) ?? null, visit)
  const asked = new Map([['tenant', new Set([tenantId])]])
  const ask: Visit = (kind, id) => {
    const ids = asked.get(kind)
    if (ids === undefined) asked.set(kind, new Set([id]))
    else ids.add(id)
  }
  for (const event of events) eachOf(event, ask)
  const deleted = await runStatement<{ kind: string; id: string; deletedAt: Timestamp }>(
    db,
    'tombstone_list_among',
    [
      tenantId,
      [...asked].flatMap(([kind, ids]) => Array.from(ids, () => kind)),
      [...asked.values()].flatMap((ids) => [...ids]),
    ],
  )
  if (deleted.length === 0) return
  const deletedAt = new Map(deleted.map((thing) => [`${thing.kind}/${thing.id}`, thing.deletedAt]))
  const live = events.filter((event) => {
    let isLive = !deletedAt.has(`tenant/${tenantId}`)
    eachOf(event, (kind, id) => {
      const at = deletedAt.get(`${kind}/${id}`)
      if (at !== undefined && !(kind === 'feedback' && isGivenAgain(event, at))) isLive = false
    })
    return isLive
  })
  if (live.length < events.length) throw new DeletedError(live)
}

/**
 * True for feedback that is given again after it was deleted. Clients choose the ids of feedback, and may reuse them.
 */
function isGivenAgain({ version }: IngestEvent, deletedAt: Timestamp): boolean {
  return versionTimeMs(version) >= Math.floor(toEpochMicros(deletedAt) / 1000)
}

type Visit = (kind: string, id: string) => void

/**
 * Names what an event writes, and what that belongs to.
 * @param traceId the trace that the event's row turned out to be in
 */
function eachThing({ kind, id, patch }: IngestEvent, traceId: string | null, visit: Visit): void {
  const name = (of: string, thing: string | null | undefined): void => {
    if (typeof thing === 'string') visit(of, thing)
  }
  visit(kind, id)
  // Feedback on an experiment as a whole may outlive the experiment.
  const isExperimentScore = kind === 'feedback' && !patch.runId && !patch.traceId
  name(isExperimentScore ? 'experiment_score' : 'experiment', patch.experimentId)
  if (kind !== 'trace') name('trace', patch.traceId)
  name('trace', traceId)
  if (kind === 'run') name('run', patch.parentRunId)
  if (kind === 'feedback') name('comparative_experiment', patch.comparativeExperimentId)
  if (kind === 'feedback' || kind === 'run_item') name('run', patch.runId)
}
