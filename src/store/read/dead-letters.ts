import type { Timestamp } from '../../domain/timestamp.ts'
import type { Db } from '../pool.ts'
import { runStatement } from '../statements.ts'

/** An event that the database refused (SPEC I5). */
export interface KeptEvent {
  id: string
  kind: string
  /** The row that the event is about. */
  rowId: string
  reason: string
  receivedAt: Timestamp
  createdAt: Timestamp
}

/** Which kept events. An absent condition lets everything through. */
export interface KeptEventFilter {
  kind?: string | undefined
  /** A part of the reason, in upper or lower case. */
  reason?: string | undefined
  /** The id of the reason. */
  reasonId?: string | undefined
}

/** Counts the dead letters of all tenants, up to `most`. */
export async function deadLetterCountSome(db: Db, most: number): Promise<number> {
  const [row] = await runStatement<{ count: number }>(db, 'dead_letter_count_some', [most])
  return row?.count ?? 0
}

/** Counts the dead letters of a tenant by reason, over the newest `most`. The id of a reason is its SHA-256. */
export async function deadLetterCountByReason(
  db: Db,
  tenantId: string,
  most: number,
): Promise<{ id: string; reason: string; count: number }[]> {
  return runStatement(db, 'dead_letter_count_by_reason', [tenantId, most])
}

/** Reads a page, newest first. @param after the last one of the page before */
export async function deadLetterList(
  db: Db,
  tenantId: string,
  { kind, reason, reasonId }: KeptEventFilter,
  after: Pick<KeptEvent, 'receivedAt' | 'id'> | null,
  limit: number,
): Promise<(KeptEvent & { bytes: number })[]> {
  return runStatement(db, 'dead_letter_list', [
    tenantId,
    kind ?? null,
    reason ?? null,
    after?.receivedAt ?? null,
    after?.id ?? null,
    limit,
    reasonId ?? null,
  ])
}

/** @returns null when there is none, or none any more; `event` is an IngestEvent as JSON */
export async function deadLetterFind(
  db: Db,
  tenantId: string,
  id: string,
): Promise<(KeptEvent & { event: string }) | null> {
  const [row] = await runStatement<KeptEvent & { event: string }>(db, 'dead_letter_find', [
    tenantId,
    id,
  ])
  return row ?? null
}

/** Lists which of these are kept. */
export async function deadLetterListAmong(
  db: Db,
  tenantId: string,
  ids: string[],
): Promise<string[]> {
  const rows = await runStatement<{ id: string }>(db, 'dead_letter_list_among', [tenantId, ids])
  return rows.map(({ id }) => id)
}

/**
 * Reads the newest events that meet some conditions and were kept before that time.
 * @param most.bytes of all together; the first one is read even when it has more
 */
export async function deadLetterListEvents(
  db: Db,
  tenantId: string,
  { kind, reason, reasonId, before }: KeptEventFilter & { before: Timestamp },
  most: { events: number; bytes: number },
): Promise<{ id: string; event: string }[]> {
  return runStatement(db, 'dead_letter_list_events', [
    tenantId,
    kind ?? null,
    reason ?? null,
    before,
    most.events,
    most.bytes,
    reasonId ?? null,
  ])
}
