import type { JsonText } from '../../domain/entities.ts'
import type { Timestamp } from '../../domain/timestamp.ts'
import type { Queryable } from '../pool.ts'
import type { FeedbackConfigRow } from '../read/feedback/feedback-configs.ts'
import { runStatement } from '../statements.ts'

export interface NewFeedbackConfig {
  key: string
  config: JsonText
  isLowerScoreBetter: boolean
}

/**
 * Configures the keys that have no config, or one that was deleted; the others stay as they are. Of a key that comes
 * twice the first counts.
 * @returns what was made
 */
export async function feedbackConfigInsertMany(
  db: Queryable,
  tenantId: string,
  configs: readonly NewFeedbackConfig[],
  now: Timestamp,
): Promise<FeedbackConfigRow[]> {
  if (configs.length === 0) return []
  const byKey = new Map(configs.toReversed().map((config) => [config.key, config]))
  // One order in every transaction: no deadlock.
  const rows = [...byKey.values()].toSorted((a, b) => (a.key < b.key ? -1 : 1))
  return runStatement<FeedbackConfigRow>(db, 'feedback_config_insert_many', [
    tenantId,
    rows.map((row) => row.key),
    rows.map((row) => row.config),
    rows.map((row) => String(row.isLowerScoreBetter)),
    now,
  ])
}

/** null leaves. @returns null when the key has no config */
export async function feedbackConfigUpdate(
  db: Queryable,
  tenantId: string,
  change: { key: string; config: JsonText | null; isLowerScoreBetter: boolean | null },
  now: Timestamp,
): Promise<FeedbackConfigRow | null> {
  const { key, config, isLowerScoreBetter } = change
  const [row] = await runStatement<FeedbackConfigRow>(db, 'feedback_config_update', [
    tenantId,
    key,
    config,
    isLowerScoreBetter,
    now,
  ])
  return row ?? null
}

/** The feedback of the key stays. @returns false when the key has no config */
export async function feedbackConfigDelete(
  db: Queryable,
  tenantId: string,
  key: string,
  now: Timestamp,
): Promise<boolean> {
  return (await runStatement(db, 'feedback_config_delete', [tenantId, key, now])).length > 0
}
