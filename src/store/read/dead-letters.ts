import type { Db } from '../pool.ts'
import { runStatement } from '../statements.ts'

/** Counts the dead letters of all tenants, up to `most`. */
export async function deadLetterCountSome(db: Db, most: number): Promise<number> {
  const [row] = await runStatement<{ count: number }>(db, 'dead_letter_count_some', [most])
  return row?.count ?? 0
}
