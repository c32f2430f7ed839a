import type { IngestEvent } from '../../domain/events.ts'
import { deriveId, storableText } from '../../domain/ids.ts'
import type { Timestamp } from '../../domain/timestamp.ts'
import type { Db } from '../pool.ts'
import { runStatement } from '../statements.ts'

export interface DeadLetter {
  tenantId: string
  batchId: string
  event: IngestEvent
  reason: string
  receivedAt: Timestamp
  now: Timestamp
}

/** The id under which an event of a batch is kept. */
export function deadLetterId(batchId: string, { kind, id, version }: IngestEvent): string {
  return deriveId('dead-letter', batchId, kind, id, version)
}

/**
 * Keeps an event that cannot be applied (SPEC I5). One event of one batch is kept once, however often it comes here.
 */
export async function deadLetterInsert(db: Db, letter: DeadLetter): Promise<void> {
  const { tenantId, batchId, event, reason, receivedAt, now } = letter
  await runStatement(db, 'dead_letter_insert', [
    tenantId,
    deadLetterId(batchId, event),
    event.kind,
    event.id,
    storableText(reason),
    storableText(JSON.stringify(event)),
    receivedAt,
    now,
  ])
}

/** Removes kept events. @returns how many there were */
export async function deadLetterDeleteMany(
  db: Db,
  tenantId: string,
  ids: string[],
): Promise<number> {
  return (await runStatement(db, 'dead_letter_delete_many', [tenantId, ids])).length
}

/** Removes the newest `most` of the kept events that meet some conditions. @returns how many there were */
export async function deadLetterDeleteSome(
  db: Db,
  tenantId: string,
  {
    kind,
    reason,
    reasonId,
    before,
  }: {
    kind?: string | undefined
    reason?: string | undefined
    reasonId?: string | undefined
    before: Timestamp
  },
  most: number,
): Promise<number> {
  const rows = await runStatement(db, 'dead_letter_delete_some', [
    tenantId,
    kind ?? null,
    reason ?? null,
    before,
    most,
    reasonId ?? null,
  ])
  return rows.length
}
