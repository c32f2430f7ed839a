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

/**
 * Finds what a token stands for. No tenant is known beforehand, because the token is the key.
 * @param hash in hex
 */
export async function feedbackTokenFindByHash(
  db: Queryable,
  hash: string,
): Promise<(FeedbackToken & { tenantId: string }) | null> {
  const [row] = await runStatement<FeedbackToken & { tenantId: string }>(
    db,
    'feedback_token_find_by_hash',
    [hash],
  )
  return row ?? null
}
