import type { JsonText } from '../../domain/entities.ts'
import type { Timestamp } from '../../domain/timestamp.ts'
import type { Queryable } from '../pool.ts'
import type { FeedbackConfigRow } from '../read/feedback/feedback-configs.ts'
import { runStatement } from '../statements.ts'

export interface NewFeedbackConfig {
  key: string
  config: JsonText
  isLowerScoreBetter: boolean
  isEnforced: boolean
}

/**
 * Configures the keys that have no config, or whose config was deleted; the others stay as they are. When a key comes
 * twice, the first counts.
 * @returns the configs that were made
 */
export async function feedbackConfigInsertMany(
  db: Queryable,
  tenantId: string,
  configs: readonly NewFeedbackConfig[],
  now: Timestamp,
): Promise<FeedbackConfigRow[]> {
  if (configs.length === 0) return []
  const byKey = new Map(configs.toReversed().map((config) => [config.key, config]))
  // By key in every transaction, which rules out deadlocks.
  const rows = [...byKey.values()].toSorted((a, b) => (a.key < b.key ? -1 : 1))
  return runStatement<FeedbackConfigRow>(db, 'feedback_config_insert_many', [
    tenantId,
    rows.map((row) => row.key),
    rows.map((row) => row.config),
    rows.map((row) => String(row.isLowerScoreBetter)),
    rows.map((row) => String(row.isEnforced)),
    now,
  ])
}

/**
 * Changes a config; null keeps what is stored.
 * @returns null when the key has no config
 */
export async function feedbackConfigUpdate(
  db: Queryable,
  tenantId: string,
  change: {
    key: string
    config: JsonText | null
    isLowerScoreBetter: boolean | null
    isEnforced: boolean | null
  },
  now: Timestamp,
): Promise<FeedbackConfigRow | null> {
  const { key, config, isLowerScoreBetter, isEnforced } = change
  const [row] = await runStatement<FeedbackConfigRow>(db, 'feedback_config_update', [
    tenantId,
    key,
    config,
    isLowerScoreBetter,
    isEnforced,
    now,
  ])
  return row ?? null
}

/**
 * Deletes a config. The feedback of its key stays.
 * @returns false when the key has no config
 */
export async function feedbackConfigDelete(
  db: Queryable,
  tenantId: string,
  key: string,
  now: Timestamp,
): Promise<boolean> {
  return (await runStatement(db, 'feedback_config_delete', [tenantId, key, now])).length > 0
}
