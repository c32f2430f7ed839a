import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Queryable } from '../../pool.ts'
import { runStatement } from '../../statements.ts'

export type ScoreConfigDataType = 'NUMERIC' | 'CATEGORICAL' | 'BOOLEAN' | 'TEXT'

export interface ScoreCategory {
  label: string
  value: number
}

/** What scores that name it must be. */
export interface ScoreConfigRow {
  id: string
  name: string
  dataType: ScoreConfigDataType
  isArchived: boolean
  description: string | null
  minValue: number | null
  maxValue: number | null
  /** Of CATEGORICAL and BOOLEAN, else empty. */
  categories: ScoreCategory[]
  createdAt: Timestamp
  updatedAt: Timestamp
}

/** As the driver gives it. */
export type StoredScoreConfig = Omit<ScoreConfigRow, 'categories'> & { categories: string | null }

export function scoreConfigOf({ categories, ...row }: StoredScoreConfig): ScoreConfigRow {
  return {
    ...row,
    categories: categories === null ? [] : (JSON.parse(categories) as ScoreCategory[]),
  }
}

/** By id; ids that are not known have no entry. */
export async function scoreConfigListAmong(
  db: Queryable,
  tenantId: string,
  ids: string[],
): Promise<Map<string, ScoreConfigRow>> {
  if (ids.length === 0) return new Map()
  const rows = await runStatement<StoredScoreConfig>(db, 'score_config_list_among', [tenantId, ids])
  return new Map(rows.map((row) => [row.id, scoreConfigOf(row)]))
}

/** One page, newest first. */
export async function scoreConfigList(
  db: Queryable,
  tenantId: string,
  { limit, offset }: { limit: number; offset: number },
): Promise<ScoreConfigRow[]> {
  const rows = await runStatement<StoredScoreConfig>(db, 'score_config_list', [
    tenantId,
    limit,
    offset,
  ])
  return rows.map(scoreConfigOf)
}

export async function scoreConfigCount(db: Queryable, tenantId: string): Promise<number> {
  const [row] = await runStatement<{ count: number }>(db, 'score_config_count', [tenantId])
  return row!.count
}
