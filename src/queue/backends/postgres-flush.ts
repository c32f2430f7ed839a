import type { PgQueryable } from 'bullmq'

/*
 * Statements of the queue commit without waiting for the disk. Nearly all of them notify somebody, and Postgres commits
 * those one at a time: with the disk in between, each would wait for all that were asked before it, whoever asked. What
 * workers do may be lost in a crash, because then it is done again (SPEC I2). What was enqueued may not, so it is
 * flushed afterwards: by a transaction that notifies nobody, and by one for all that wait.
 */

/**
 * Resolves when everything that was committed before the call is as durable as the server's own `synchronous_commit` says.
 * What is written is an empty message in the log, because Postgres does not wait for a transaction that wrote nothing.
 */
export async function flushToDisk(pool: PgQueryable): Promise<void> {
  await pool.query(
    `set local synchronous_commit to default; select pg_logical_emit_message(true, 'runmill', '')`,
  )
}
