import type { JsonText } from '../../domain/entities.ts'
import type { Queryable } from '../pool.ts'
import { runStatement } from '../statements.ts'

/** How a thread began and ended, in previews. */
export interface ThreadEnds {
  threadId: string
  firstInputs: string | null
  lastOutputs: string | null
  lastError: JsonText | null
}

/** The ends of these threads of an experiment, by thread. */
export async function runListThreadEnds(
  db: Queryable,
  tenantId: string,
  experimentId: string,
  threadIds: string[],
): Promise<Map<string, ThreadEnds>> {
  const rows = await runStatement<ThreadEnds>(db, 'run_list_thread_ends', [
    tenantId,
    experimentId,
    threadIds,
  ])
  return new Map(rows.map((row) => [row.threadId, row]))
}
