import type { Db } from '../../pool.ts'
import { runStatement } from '../../statements.ts'

/** Which way a score is better. */
export interface ScoreDirectionRow {
  key: string
  isLowerBetter: boolean
  /** Somebody has told Runmill; otherwise a config of the score says so. */
  isStored: boolean
}

/** Lists the scores of which it is known, by key. */
export async function scoreDirectionList(
  db: Db,
  tenantId: string,
): Promise<ReadonlyMap<string, ScoreDirectionRow>> {
  const rows = await runStatement<ScoreDirectionRow>(db, 'score_direction_list', [tenantId])
  return new Map(rows.map((row) => [row.key, row]))
}
