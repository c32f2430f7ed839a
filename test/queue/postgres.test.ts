import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { QueueBackend } from '../../src/queue/backend.ts'
import { postgresBackend } from '../../src/queue/backends/postgres.ts'
import { closePool, openPool, type Db } from '../../src/store/pool.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { collector, handlers, ingestJob } from './handlers.ts'

let database: TestDatabase
let db: Db
let queue: QueueBackend

beforeAll(async () => {
  database = await createTestDatabase()
  db = openPool(database.url, { max: 1 })
})

afterEach(async () => {
  await queue.stop()
})

afterAll(async () => {
  await closePool(db)
  await database.drop()
})

async function open(): Promise<void> {
  queue = postgresBackend({ url: database.url })
  await queue.start()
}

/** Random, so that compression does not make it small. */
const large = (batchId: string) => ingestJob(batchId, [randomBytes(100_000).toString('base64')])

const payloads = async () => db<{ id: string }[]>`select id from bullmq.runmill_payload`

async function drained(): Promise<void> {
  await expect
    .poll(async () => (await queue.counts()).ingest, { timeout: 60_000 })
    .toMatchObject({ waiting: 0, active: 0, delayed: 0 })
}

describe('large payloads', () => {
  test('stand beside the jobs as they were given, and go with them', async () => {
    await open()
    const jobs = ['a', 'b', 'c'].map(large)
    await queue.enqueue('ingest', jobs)
    await queue.enqueue('ingest', [ingestJob('small')])
    expect(await payloads()).toHaveLength(3)

    const seen = collector<string>()
    await queue.work(handlers({ ingest: async (job) => seen.add(JSON.stringify(job)) }))
    await seen.until(4)
    await drained()

    const given = [...jobs, ingestJob('small')].map((job) => JSON.stringify(job))
    expect(seen.all.toSorted()).toEqual(given.toSorted())
    expect(await payloads()).toHaveLength(0)
  })

  test('of a job that was worked off before its end was lost are not missed', async () => {
    await open()
    await queue.enqueue('ingest', [large('done before')])
    await db`delete from bullmq.runmill_payload`

    const seen = collector<string>()
    await queue.work(handlers({ ingest: async ({ batchId }) => seen.add(batchId) }))
    await drained()

    expect(seen.all).toEqual([])
  })

  test('that a crash left without a job are removed a day later, those of waiting jobs stay', async () => {
    await open()
    await queue.enqueue('ingest', [large('waits')])
    const young = randomUUID()
    for (const id of [randomUUID(), young]) {
      await db`insert into bullmq.runmill_payload (id, data) values (${id}, '')`
    }
    await db`update bullmq.runmill_payload set created_at = now() - interval '2 days' where id <> ${young}`
    await queue.stop()

    await open()
    expect(await payloads()).toHaveLength(2)
    const seen = collector<string>()
    await queue.work(handlers({ ingest: async ({ batchId }) => seen.add(batchId) }))
    await seen.until(1)
    await drained()

    expect(seen.all).toEqual(['waits'])
    expect(await payloads()).toEqual([{ id: young }])
  })
})

describe('a process that is alone', () => {
  test('takes over what a dead process held, at once', async () => {
    await open()
    const ids = ['first', 'second', 'third']
    for (const id of ids) await queue.enqueue('ingest', [ingestJob(id)])
    await queue.stop()
    // Held as by a worker, with locks that will not run out.
    await db`
      update bullmq.job set state = 'active', lock_token = 'dead', locked_until_ms = 9e15, stalled_marked = true
      where name = 'ingest' and state = 'waiting'`
    await db`update bullmq.meta set value = '9000000000000000' where field = 'stalled-check'`

    await open()
    expect((await queue.counts()).ingest).toMatchObject({ active: 3, waiting: 0 })
    await queue.stop()

    queue = postgresBackend({ url: database.url, isAlone: true })
    await queue.start()
    expect((await queue.counts()).ingest).toMatchObject({ active: 0, waiting: 3 })
    const done = collector<string>()
    await queue.work(handlers({ ingest: async ({ batchId }) => done.add(batchId) }))
    await done.until(3)
    expect(done.all).toEqual(ids)
    await drained()
  })

  test('leaves the queues of others alone', async () => {
    await open()
    await queue.enqueue('ingest', [ingestJob('mine')])
    await queue.stop()
    await db`
      update bullmq.job set state = 'active', lock_token = 'alive', locked_until_ms = 9e15
      where name = 'ingest' and state = 'waiting'`
    queue = postgresBackend({ url: database.url, namespace: 'another', isAlone: true })
    await queue.start()
    await queue.stop()
    await open()
    expect((await queue.counts()).ingest).toMatchObject({ active: 1 })
  })
})
