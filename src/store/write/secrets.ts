import { randomBytes } from 'node:crypto'
import type { Timestamp } from '../../domain/timestamp.ts'
import type { Db } from '../pool.ts'
import { runStatement } from '../statements.ts'

/**
 * Returns 32 random bytes that belong to the installation. They are made at the first call and stay the same for
 * every process, also when several processes start at once.
 */
export async function secretEnsure(db: Db, name: string, now: Timestamp): Promise<Uint8Array> {
  await runStatement(db, 'secret_insert', [name, randomBytes(32), now])
  const [secret] = await runStatement<{ value: Uint8Array }>(db, 'secret_find', [name])
  return secret!.value
}
