import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Queryable } from '../../pool.ts'
import { runStatement } from '../../statements.ts'
import type { Page } from '../page.ts'

/** A link that accepts feedback on a run, without its token. */
export interface FeedbackToken {
  id: string
  runId: string
  /** The key that the feedback will have. */
  key: string
  expiresAt: Timestamp
}

/** Reads one page, oldest first, including expired links. */
export async function feedbackTokenListOfRun(
  db: Queryable,
  tenantId: string,
  runId: string,
  { limit, offset }: Page,
): Promise<FeedbackToken[]> {
  return runStatement<FeedbackToken>(db, 'feedback_token_list_of_run', [
    tenantId,
    runId,
    limit,
    offset,
  ])
}

/** Reads the links of these ids. */
export async function feedbackTokenListById(
  db: Queryable,
  tenantId: string,
  ids: readonly string[],
): Promise<FeedbackToken[]> {
  return runStatement<FeedbackToken>(db, 'feedback_token_list_by_id', [tenantId, ids])
}

/**
 * Finds what a token stands for. The id of a link is a token as well. No tenant is known beforehand, because the token
 * is the key.
 * @param hash in hex
 */
export async function feedbackTokenFind(
  db: Queryable,
  token: string,
  hash: string,
): Promise<(FeedbackToken & { tenantId: string }) | null> {
  const [row] = await runStatement<FeedbackToken & { tenantId: string }>(
    db,
    'feedback_token_find',
    [token, hash],
  )
  return row ?? null
}
