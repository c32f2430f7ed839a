import sql, { join, raw } from 'sql-template-tag'
import type { JsonText } from '../../../domain/entities.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Queryable } from '../../pool.ts'
import { runComposed, runStatement, tenant } from '../../statements.ts'

/** What the scores of a feedback key mean. */
export interface FeedbackConfigRow {
  key: string
  config: JsonText
  isLowerScoreBetter: boolean
  /** Its rules hold for all feedback of the key. */
  isEnforced: boolean
  updatedAt: Timestamp
}

export interface FeedbackConfigQuery {
  keys?: string[] | undefined
  /** A substring of the key, in upper or lower case. */
  keyContains?: string | undefined
  isEnforced?: boolean | undefined
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

/** Reads the configs of these keys that set their rules. */
export async function feedbackConfigListEnforced(
  db: Queryable,
  tenantId: string,
  keys: readonly string[],
): Promise<FeedbackConfigRow[]> {
  return runStatement<FeedbackConfigRow>(db, 'feedback_config_list_enforced', [tenantId, keys])
}

/** Reads one page by the time of the last change, with ties broken by key. */
export async function feedbackConfigList(
  db: Queryable,
  tenantId: string,
  query: FeedbackConfigQuery,
): Promise<FeedbackConfigRow[]> {
  const conditions = [sql`deleted_at is null`]
  if (query.keys !== undefined) conditions.push(sql`key = any (${query.keys}::text[])`)
  if (query.keyContains !== undefined) {
    conditions.push(sql`position(lower(${query.keyContains}) in lower(key)) > 0`)
  }
  if (query.isEnforced !== undefined) conditions.push(sql`is_enforced = ${query.isEnforced}`)
  const statement = sql`
-- name: feedback_config_list
-- One page of the feedback configurations that meet the query, by the time of the last change, ties by key. Reads only.
select key, config, is_lower_score_better, is_enforced, updated_at
from feedback_configs
where tenant_id = ${tenant} and ${join(conditions, ' and ')}
order by updated_at ${raw(query.isDescending ? 'desc' : 'asc')}, key collate "C"
limit ${String(query.limit)}::bigint offset ${String(query.offset)}::bigint`
  return runComposed<FeedbackConfigRow>(db, tenantId, statement)
}
