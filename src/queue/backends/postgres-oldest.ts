import type { PgQueryable } from 'bullmq'
import type { OldestJobs } from '../backend.ts'
import type { IngestLane } from '../catalog.ts'

/**
 * Tells when the oldest jobs of a queue were added. Each part reads the head of one of BullMQ's indexes.
 * @param pool its search path is BullMQ's schema
 */
export async function oldestJobs(
  pool: PgQueryable,
  queue: string,
): Promise<OldestJobs[IngestLane]> {
  const { rows } = await pool.query<Record<'waiting' | 'active' | 'delayed', string | null>>(
    `select
      (select min(added_at_ms) from (
        select added_at_ms from job where queue = $1 and state = 'waiting'
        order by priority, seq limit 100) as head) as waiting,
      (select min(added_at_ms) from (
        select added_at_ms from job where queue = $1 and state = 'active'
        order by locked_until_ms limit 100) as head) as active,
      (select min(added_at_ms) from (
        select added_at_ms from job where queue = $1 and state = 'delayed'
        order by process_at_ms limit 100) as head) as delayed`,
    [queue],
  )
  // The driver returns 64-bit integers as text.
  const of = (text: string | null | undefined) => (text == null ? null : Number(text))
  const [row] = rows
  return { waiting: of(row?.waiting), active: of(row?.active), delayed: of(row?.delayed) }
}
