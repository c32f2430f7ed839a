import { randomUUID } from 'node:crypto'
import type { PgQueryable } from 'bullmq'
import { type Packed, packedFromText, packedToText } from '../payload.ts'

/*
 * The payloads of large jobs are kept in a table beside BullMQ's, as plain bytes. Inside BullMQ's jobs they would
 * pass through jsonb and a temporary table, and Postgres would try in vain to compress them at each step: 170 ms for
 * 20 MB of runs, against 20 ms here.
 */

/**
 * The smallest payload that goes into the table, in compressed bytes. A smaller one costs less inside the job than
 * two more statements.
 */
const storeFrom = 32_768
const reference = '@'

/**
 * Makes the table, and removes the payloads whose jobs were never added because the connection broke in between.
 * @param client its search path is BullMQ's schema
 */
export async function preparePayloads(client: PgQueryable): Promise<void> {
  await client.query('begin')
  await client.query(`select pg_advisory_xact_lock(hashtext('runmill_payload'))`)
  const { rows } = await client.query<{ name: string | null }>(
    `select to_regclass('runmill_payload')::text as name`,
  )
  if (rows[0]?.name === null) {
    await client.query(`create table runmill_payload (
      id uuid primary key,
      data bytea not null,
      created_at timestamptz not null default now()
    )`)
    await client.query('alter table runmill_payload alter column data set storage external')
  }
  await client.query(
    `delete from runmill_payload as payload
    where created_at < now() - interval '1 day' and not exists (
      select from job where job.data = to_jsonb($1 || payload.id::text)
    )`,
    [reference],
  )
  await client.query('commit')
}

/**
 * Stores the large payloads, all or none.
 * @returns one text for each job: the payload, or a reference to its row
 */
export async function keepPayloads(
  pool: PgQueryable,
  payloads: readonly Packed[],
): Promise<string[]> {
  const large: (string | Buffer)[] = []
  const texts = payloads.map((packed) => {
    if (typeof packed === 'string' || packed.length < storeFrom) return packedToText(packed)
    const id = randomUUID()
    large.push(id, packed)
    return reference + id
  })
  if (large.length > 0) {
    const rows = Array.from(
      { length: large.length / 2 },
      (_, i) => `($${2 * i + 1}, $${2 * i + 2})`,
    )
    await pool.query(`insert into runmill_payload (id, data) values ${rows.join(', ')}`, large)
  }
  return texts
}

/**
 * Reads a payload from the text of its job.
 * @returns null when a worker has applied the job and was stopped before it could say so
 */
export async function readPayload(pool: PgQueryable, text: string): Promise<Packed | null> {
  if (!text.startsWith(reference)) return packedFromText(text)
  const { rows } = await pool.query<{ data: Buffer }>(
    'select data from runmill_payload where id = $1',
    [text.slice(reference.length)],
  )
  return rows[0]?.data ?? null
}

export async function removePayload(pool: PgQueryable, text: string): Promise<void> {
  if (!text.startsWith(reference)) return
  await pool.query('delete from runmill_payload where id = $1', [text.slice(reference.length)])
}
