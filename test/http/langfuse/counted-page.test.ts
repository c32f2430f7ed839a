import sql from 'sql-template-tag'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { classifyError } from '../../../src/http/classify-error.ts'
import { countedPage } from '../../../src/http/langfuse/requests.ts'
import { closePool, type Db } from '../../../src/store/pool.ts'
import { withReading } from '../../../src/store/reading.ts'
import { openRequestPool } from '../../../src/store/request-pool.ts'
import { runComposed } from '../../../src/store/statements.ts'
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts'

let database: TestDatabase
let db: Db

beforeAll(async () => {
  database = await createTestDatabase()
  db = openRequestPool(database.url, { max: 1, limits: { countMs: 50 } })
})

afterAll(async () => {
  await closePool(db)
  await database.drop()
})

async function count(seconds: number): Promise<number> {
  const statement = sql`
-- name: slow_count
-- Counts for a while. Reads only.
select count(*) as count from (select pg_sleep(${String(seconds)}::double precision)) as slept`
  const options = { isPrepared: false, limit: 'count' } as const
  const [row] = await runComposed<{ count: number }>(db, null, statement, options)
  return row!.count
}

const never = async (): Promise<number> => Promise.reject(new Error('nothing is to be counted'))

/** A page of a list of 25 rows. */
const read = async ({ limit, offset }: { limit: number; offset: number }): Promise<number[]> =>
  Array.from({ length: 25 }, (_, n) => n).slice(offset, offset + limit)

test('a page that shows the end of its list tells the total', async () => {
  expect(await countedPage({ page: 3, limit: 10 }, read, never)).toEqual({
    rows: [20, 21, 22, 23, 24],
    total: 25,
  })
  expect(await countedPage({ page: 1, limit: 10 }, async () => [], never)).toEqual({
    rows: [],
    total: 0,
  })
})

test.each([1, 5, 6])('page %i does not, and the list is counted', async (page) => {
  const { total } = await countedPage({ page, limit: 5 }, read, async () => 25)
  expect(total).toBe(25)
})

/** A page whose list takes minutes to count, for a request. */
async function slowPage() {
  const reading = {
    tenantId: 'mine',
    signal: new AbortController().signal,
    hasBegun: () => false,
  }
  return withReading(reading, async () =>
    countedPage({ page: 1, limit: 5 }, read, async () => count(600)),
  )
}

test('a count that takes too long is ended, and the client told how to do without', async () => {
  await db`select 1`
  await expect(slowPage()).rejects.toMatchObject({
    status: 400,
    message: expect.stringMatching(
      /^Stopped because it took too long to count .*Narrow it by a span of time/,
    ),
    detail: 'InvalidRequestError',
  })
  expect(await db`select 1 as one`).toEqual([{ one: 1 }])
})

test('a count that gets no connection in its time may be asked for again', async () => {
  await db.begin(async (transaction) => {
    await transaction`select 1`
    const error = await slowPage().catch((reason: unknown) => reason)
    expect(classifyError(error)).toEqual({ kind: 'unavailable' })
  })
})
