import type { JsonText } from '../../../domain/entities.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Queryable } from '../../pool.ts'
import { runStatement, runText, type Parameter } from '../../statements.ts'

/** What the scores of a feedback key mean. */
export interface FeedbackConfigRow {
  key: string
  config: JsonText
  isLowerScoreBetter: boolean
  updatedAt: Timestamp
}

export interface FeedbackConfigQuery {
  keys?: string[] | undefined
  /** Part of the key, in any case. */
  keyContains?: string | undefined
  isDescending: boolean
  offset: number
  limit: number
}

export async function feedbackConfigFind(
  db: Queryable,
  tenantId: string,
  key: string,
): Promise<FeedbackConfigRow | null> {
  const [row] = await runStatement<FeedbackConfigRow>(db, 'feedback_config_find', [tenantId, key])
  return row ?? null
}

/** One page, by the time of the last change, ties by key. */
export async function feedbackConfigList(
  db: Queryable,
  tenantId: string,
  query: FeedbackConfigQuery,
): Promise<FeedbackConfigRow[]> {
  const parameters: Parameter[] = [tenantId]
  const bind = (value: Parameter) => `$${parameters.push(value)}`
  const conditions = ['tenant_id = $1', 'deleted_at is null']
  if (query.keys !== undefined) conditions.push(`key = any (${bind(query.keys)}::text[])`)
  if (query.keyContains !== undefined) {
    conditions.push(`position(lower(${bind(query.keyContains)}) in lower(key)) > 0`)
  }
  const direction = query.isDescending ? 'desc' : 'asc'
  const text = `select key, config, is_lower_score_better, updated_at
    from feedback_configs
    where ${conditions.join(' and ')}
    order by updated_at ${direction}, key collate "C"
    limit ${bind(String(query.limit))}::bigint offset ${bind(String(query.offset))}::bigint`
  return runText<FeedbackConfigRow>(db, text, parameters)
}
