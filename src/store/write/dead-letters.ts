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
