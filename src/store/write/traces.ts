import type { JsonText } from '../../domain/entities.ts'
import type { Timestamp } from '../../domain/timestamp.ts'
import type { Db } from '../pool.ts'
import { runStatement } from '../statements.ts'
import { blobMarkInsertOfTraces } from './blobs/blob-marks.ts'
import { traceLockMany } from './trace-rollups.ts'

/** How many traces one transaction deletes: with some 100 runs each it holds its locks for about a second. */
const chunkLength = 100

/**
 * Deletes traces with their runs, run items and feedback. A trace is deleted completely or not at all, and late
 * writes of it, or of one of its runs, are dropped. Traces that have runs, but none in the experiment, are left
 * alone.
 * @param experimentId null: wherever they are
 * @param isFinal true: nobody looks a minute later whether a write that had not seen the deletion has left something
 */
export async function traceDeleteMany(
  db: Db,
  tenantId: string,
  experimentId: string | null,
  traceIds: readonly string[],
  now: Timestamp,
  isFinal = false,
): Promise<void> {
  const ids = [...new Set(traceIds)]
  for (let i = 0; i < ids.length; i += chunkLength) {
    const chunk = ids.slice(i, i + chunkLength)
    await db.begin(async (transaction) => {
      // In the order in which ingestion takes its locks: no deadlocks.
      await runStatement(transaction, 'run_lock_of_traces', [tenantId, chunk])
      const found = await runStatement<{ id: string }>(transaction, 'trace_list_deletable', [
        tenantId,
        chunk,
        experimentId,
      ])
      if (found.length === 0) return
      const gone = found.map(({ id }) => id)
      // From here on no write to these traces can end before we do, so all their rows can be seen now.
      await traceLockMany(transaction, tenantId, gone)
      await blobMarkInsertOfTraces(transaction, tenantId, gone, now)
      await runStatement(transaction, 'trace_rows_delete', [tenantId, gone, now, isFinal])
    })
  }
}

/**
 * Deletes every trace of an experiment in which some run has all of this metadata.
 * @param metadata fit for `jsonb`
 */
export async function traceDeleteWithMetadata(
  db: Db,
  tenantId: string,
  experimentId: string,
  metadata: JsonText,
  now: Timestamp,
): Promise<void> {
  for (;;) {
    const found = await runStatement<{ id: string }>(db, 'trace_list_with_metadata', [
      tenantId,
      experimentId,
      metadata,
      chunkLength,
    ])
    if (found.length === 0) return
    await traceDeleteMany(
      db,
      tenantId,
      experimentId,
      found.map(({ id }) => id),
      now,
    )
  }
}
