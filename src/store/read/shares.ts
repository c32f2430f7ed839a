import type { Queryable } from '../pool.ts'
import { runStatement } from '../statements.ts'

/** Sharing a `run` shares its descendants too. */
export type ShareKind = 'run' | 'dataset'

/** What a token gives access to. */
export interface SharedThing {
  tenantId: string
  id: string
  /** The experiments on the dataset are shared as well. */
  hasExperiments: boolean
}

/** @returns the token, or null when the thing is not shared */
export async function shareFind(
  db: Queryable,
  tenantId: string,
  kind: ShareKind,
  id: string,
): Promise<string | null> {
  const [row] = await runStatement<{ token: string }>(db, 'share_find', [tenantId, kind, id])
  return row?.token ?? null
}

/** @returns null when no thing of that kind is shared under the token. The thing may have been deleted meanwhile. */
export async function shareFindByToken(
  db: Queryable,
  kind: ShareKind,
  token: string,
): Promise<SharedThing | null> {
  const [row] = await runStatement<SharedThing>(db, 'share_find_by_token', [kind, token])
  return row ?? null
}
