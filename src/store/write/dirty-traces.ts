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
  traces: readonly { tenantId: string; id: string }[],
): Promise<void> {
  const marks: { tenantId: string; ids: string[] }[] = []
  for (const { tenantId, id } of traces) {
    const last = marks.at(-1)
    if (last?.tenantId === tenantId && last.ids.length < tracesPerMark) last.ids.push(id)
    else marks.push({ tenantId, ids: [id] })
  }
  if (marks.length === 0) return
  await runStatement(db, 'dirty_trace_insert_many', [
    marks.map((mark) => mark.tenantId),
    marks.map((mark) => `{${mark.ids.join(',')}}`),
  ])
}
