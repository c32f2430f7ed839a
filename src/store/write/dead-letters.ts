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

/**
 * Keeps an event that cannot be applied (SPEC I5). One event of one batch is kept once, however often it comes here.
 */
export async function deadLetterInsert(db: Db, letter: DeadLetter): Promise<void> {
  const { tenantId, batchId, event, reason, receivedAt, now } = letter
  const id = deriveId('dead-letter', batchId, event.kind, event.id, event.version)
  await runStatement(db, 'dead_letter_insert', [
    tenantId,
    id,
    event.kind,
    event.id,
    storableText(reason),
    storableText(JSON.stringify(event)),
    receivedAt,
    now,
  ])
}
