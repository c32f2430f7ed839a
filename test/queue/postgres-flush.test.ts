import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { QueueBackend } from '../../src/queue/backend.ts'
import { postgresBackend } from '../../src/queue/backends/postgres.ts'
import { oneForAll } from '../../src/queue/one-for-all.ts'
import { closePool, openPool, type Db } from '../../src/store/pool.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { collector, handlers, ingestJob } from './handlers.ts'

let database: TestDatabase
let db: Db
let queue: QueueBackend

beforeAll(async () => {
  database = await createTestDatabase()
  db = openPool(database.url, { max: 1 })
  // The server that tests run on waits for the disk nowhere.
  await db.unsafe(
    `alter database ${new URL(database.url).pathname.slice(1)} set synchronous_commit to on`,
  )
})

afterEach(async () => queue?.stop())

afterAll(async () => {
  await closePool(db)
  await database.drop()
})

async function open(): Promise<void> {
  queue = postgresBackend({ url: database.url })
  await queue.start()
}

test.each([20_000, 200_000])(
  'I1: %i bytes are on the disk once they are enqueued',
  async (size) => {
    await open()
    const bytes = randomBytes(size)
    const [before] = await db`select pg_current_wal_insert_lsn()::text as lsn`
    await queue.enqueue('ingest', [ingestJob(String(size), [bytes.toString('base64')])])
    const [after] = await db<{ bytes: number }[]>`
    select (pg_current_wal_flush_lsn() - ${before!.lsn}::pg_lsn)::float8 as bytes`
    expect(after!.bytes).toBeGreaterThan(size)
  },
)

test('no statement that changes a job waits for the disk, because others would wait for it', async () => {
  await open()
  await db.unsafe(`
    create table seen (operation text, mode text);
    create function note() returns trigger language plpgsql as $$
    begin
      insert into public.seen values (tg_op, current_setting('synchronous_commit'));
      return null;
    end $$;
    create trigger note after insert or update or delete on bullmq.job for each row execute function note()`)
  const done = collector<string>()
  await queue.work(handlers({ ingest: async ({ batchId }) => done.add(batchId) }))
  await queue.enqueue('ingest', [ingestJob('one')])
  await queue.enqueue('ingest', [ingestJob('two'), ingestJob('three')])
  await done.until(3)
  await expect
    .poll(async () => db`select distinct operation, mode from seen order by operation`)
    .toEqual([
      { operation: 'DELETE', mode: 'off' },
      { operation: 'INSERT', mode: 'off' },
      { operation: 'UPDATE', mode: 'off' },
    ])
})

test('who asks for work while it runs shares the next run, and a failure is told to those who shared it', async () => {
  const ends: { resolve(): void; reject(error: Error): void }[] = []
  const ask = oneForAll(
    async () => new Promise<void>((resolve, reject) => ends.push({ resolve, reject })),
  )
  const first = ask()
  await expect.poll(() => ends.length).toBe(1)
  const [second, third] = [ask(), ask()]
  ends[0]!.reject(new Error('one'))
  await expect(first).rejects.toThrow('one')
  await expect.poll(() => ends.length).toBe(2)
  const fourth = ask()
  ends[1]!.resolve()
  await Promise.all([second, third])
  await expect.poll(() => ends.length).toBe(3)
  ends[2]!.resolve()
  await fourth
})
