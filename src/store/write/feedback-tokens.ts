import type { Timestamp } from '../../domain/timestamp.ts'
import type { Queryable } from '../pool.ts'
import type { FeedbackToken } from '../read/feedback/feedback-tokens.ts'
import { runStatement } from '../statements.ts'

export interface NewFeedbackToken extends FeedbackToken {
  /** In hex. */
  hash: string
}

/** @returns the ids that were not taken; of the others nothing is changed */
export async function feedbackTokenInsertMany(
  db: Queryable,
  tenantId: string,
  tokens: readonly NewFeedbackToken[],
  now: Timestamp,
): Promise<string[]> {
  const rows = await runStatement<{ id: string }>(db, 'feedback_token_insert_many', [
    tenantId,
    now,
    tokens.map((token) => token.id),
    tokens.map((token) => token.hash),
    tokens.map((token) => token.runId),
    tokens.map((token) => token.key),
    tokens.map((token) => token.expiresAt),
  ])
  return rows.map(({ id }) => id)
}
