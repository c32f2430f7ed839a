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
  const named = events.map((event): [kind: string, id: string][] => {
    // An event that does not name its trace may still write a run of it.
    const held = (event.kind === 'run' ? traces.get(event.id) : null) ?? null
    return [['tenant', tenantId], ...thingsOf(event, held)]
  })
  const things = [
    ...new Map(named.flat().map(([kind, id]) => [`${kind}/${id}`, { kind, id }])).values(),
  ]
  const deleted = await runStatement<{ kind: string; id: string; deletedAt: Timestamp }>(
    db,
    'tombstone_list_among',
    [tenantId, things.map(({ kind }) => kind), things.map(({ id }) => id)],
  )
  if (deleted.length === 0) return
  const deletedAt = new Map(deleted.map((thing) => [`${thing.kind}/${thing.id}`, thing.deletedAt]))
  const live = events.filter((event, i) =>
    named[i]!.every(([kind, id]) => {
      const at = deletedAt.get(`${kind}/${id}`)
      return at === undefined || (kind === 'feedback' && isGivenAgain(event, at))
    }),
  )
  if (live.length < events.length) throw new DeletedError(live)
}

/**
 * True for feedback that is given again after it was deleted. Clients choose the ids of feedback, and may reuse them.
 */
function isGivenAgain({ version }: IngestEvent, deletedAt: Timestamp): boolean {
  return versionTimeMs(version) >= Math.floor(toEpochMicros(deletedAt) / 1000)
}

/** True for feedback on an experiment as a whole, which may outlive the experiment. */
function isExperimentScore({ kind, patch }: IngestEvent): boolean {
  return kind === 'feedback' && !patch.runId && !patch.traceId
}

/**
 * Lists what an event writes, and what that belongs to.
 * @param traceId the trace that the event's row turned out to be in
 */
function thingsOf(event: IngestEvent, traceId: string | null): [kind: string, id: string][] {
  const things: [string, string | null | undefined][] = [
    [event.kind, event.id],
    [isExperimentScore(event) ? 'experiment_score' : 'experiment', event.patch.experimentId],
    ['trace', event.kind === 'trace' ? null : event.patch.traceId],
    ['trace', traceId],
    ['run', event.kind === 'run' ? event.patch.parentRunId : null],
    [
      'comparative_experiment',
      event.kind === 'feedback' ? event.patch.comparativeExperimentId : null,
    ],
    ['run', event.kind === 'feedback' || event.kind === 'run_item' ? event.patch.runId : null],
  ]
  return things.filter((thing): thing is [string, string] => typeof thing[1] === 'string')
}
