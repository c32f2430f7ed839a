import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Queryable } from '../../pool.ts'
import { runStatement } from '../../statements.ts'

export type ScoreConfigDataType = 'NUMERIC' | 'CATEGORICAL' | 'BOOLEAN' | 'TEXT'

export interface ScoreCategory {
  label: string
  value: number
}

/** The rules for the scores that name this config. */
export interface ScoreConfigRow {
  id: string
  /** The id on the server from which it was imported; null when it was made here, or is the same. */
  externalId: string | null
  name: string
  dataType: ScoreConfigDataType
  isArchived: boolean
  description: string | null
  minValue: number | null
  maxValue: number | null
  /** Filled for CATEGORICAL and BOOLEAN, otherwise empty. */
  categories: ScoreCategory[]
  createdAt: Timestamp
  updatedAt: Timestamp
}

/** A row as the driver returns it. */
export type StoredScoreConfig = Omit<ScoreConfigRow, 'categories'> & { categories: string | null }

export function scoreConfigOf({ categories, ...row }: StoredScoreConfig): ScoreConfigRow {
  return {
    ...row,
    categories: categories === null ? [] : (JSON.parse(categories) as ScoreCategory[]),
  }
}

/** Reads configs by id. Ids that are not known have no entry. */
export async function scoreConfigListAmong(
  db: Queryable,
  tenantId: string,
  ids: string[],
): Promise<Map<string, ScoreConfigRow>> {
  if (ids.length === 0) return new Map()
  const rows = await runStatement<StoredScoreConfig>(db, 'score_config_list_among', [tenantId, ids])
  return new Map(rows.map((row) => [row.id, scoreConfigOf(row)]))
}

/** Reads one page, newest first. */
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
