import { randomBytes } from 'node:crypto'
import type { Timestamp } from '../../domain/timestamp.ts'
import type { Db } from '../pool.ts'
import { runStatement } from '../statements.ts'

/**
 * 32 random bytes that belong to the installation: made at the first call and the same ever after, for every process,
 * also when several start at once.
 */
export async function secretEnsure(db: Db, name: string, now: Timestamp): Promise<Uint8Array> {
  await runStatement(db, 'secret_insert', [name, randomBytes(32), now])
  const [secret] = await runStatement<{ value: Uint8Array }>(db, 'secret_find', [name])
  return secret!.value
}
