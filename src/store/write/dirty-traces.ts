import type { Queryable } from '../pool.ts'
import { runStatement } from '../statements.ts'

/** A row for each trace costs ten times as much; longer rows would be stored apart (TOAST). */
const tracesPerMark = 100

/**
 * Marks traces whose rows the transaction has written, with everything that a trace's aggregates are computed from.
 * @param traces also a run, item or feedback whose trace is not known; the order does not matter
 */
export async function dirtyTraceInsertMany(
  db: Queryable,
  tenantId: string,
  traces: readonly string[],
): Promise<void> {
  const marks: string[][] = []
  for (let i = 0; i < traces.length; i += tracesPerMark) {
    marks.push(traces.slice(i, i + tracesPerMark))
  }
  await Promise.all(
    marks.map(async (mark) => runStatement(db, 'dirty_trace_insert_many', [tenantId, mark])),
  )
}
