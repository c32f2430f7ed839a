import sql from 'sql-template-tag'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { classifyError } from '../../../src/http/classify-error.ts'
import { createCountedPage } from '../../../src/http/langfuse/counted-page.ts'
import { closePool, type Db } from '../../../src/store/pool.ts'
import { withReading } from '../../../src/store/reading.ts'
import { openRequestPool } from '../../../src/store/request-pool.ts'
import { runComposed } from '../../../src/store/statements.ts'
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts'

const tenantId = '7d0f6f2e-0c1e-4a55-9d0c-3f5a1f0e1b11'
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

const countedPage = createCountedPage()
const pageAt = (page: number, limit: number) => ({ tenantId, name: 'all', query: { page, limit } })

test('a page that shows the end of its list tells the total', async () => {
  expect(await countedPage(pageAt(3, 10), read, never)).toEqual({
    rows: [20, 21, 22, 23, 24],
    total: 25,
  })
  expect(await countedPage(pageAt(1, 10), async () => [], never)).toEqual({
    rows: [],
    total: 0,
  })
})

test.each([1, 5, 6])('page %i does not, and the list is counted', async (page) => {
  const { total } = await countedPage(pageAt(page, 5), read, async () => 25)
  expect(total).toBe(25)
})

/** A page whose list takes minutes to count, for a request. */
async function slowPage() {
  const reading = {
    tenantId,
    signal: new AbortController().signal,
    hasBegun: () => false,
  }
  return withReading(reading, async () => countedPage(pageAt(1, 5), read, async () => count(600)))
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

describe('a large total that took long to count', () => {
  let now = 0
  let counts = 0
  /** Takes so long, by the clock of these tests. */
  const countIn = (ms: number, total: number) => async (): Promise<number> => {
    counts += 1
    now += ms
    return total
  }
  const list = (page: number, name = 'step') => ({
    tenantId,
    name: 'observations',
    query: { page, limit: 50_000, name },
  })
  const full = async () => Array.from({ length: 50_000 }, () => 0)

  beforeEach(() => {
    now = 0
    counts = 0
  })

  test('holds for the pages that follow, twenty times as long as it took', async () => {
    const held = createCountedPage({ now: () => now })
    expect((await held(list(1), full, countIn(1000, 250_000))).total).toBe(250_000)
    expect((await held(list(2), full, countIn(1000, 260_000))).total).toBe(250_000)
    now += 19_999
    expect((await held(list(3), full, countIn(1000, 260_000))).total).toBe(250_000)
    now += 1
    expect((await held(list(3), full, countIn(1000, 260_000))).total).toBe(260_000)
    expect(counts).toBe(2)
  })

  test('is that of these conditions, this list and this tenant, whatever is shown of it', async () => {
    const held = createCountedPage({ now: () => now })
    await held(list(1), full, countIn(1000, 250_000))
    const others = [
      list(1, 'other'),
      { ...list(1), name: 'traces' },
      { ...list(1), tenantId: '1f6e7d1a-5a7c-4f5e-8a51-0f9a1a8f1c22' },
    ]
    for (const other of others) {
      expect((await held(other, full, countIn(1000, 70_000))).total).toBe(70_000)
    }
    const sorted = { ...list(1), query: { ...list(1).query, orderBy: 'name', fields: ['core'] } }
    expect((await held(sorted, full, never)).total).toBe(250_000)
  })

  test('makes no full page the last one, because clients stop there', async () => {
    const held = createCountedPage({ now: () => now })
    await held(list(1), full, countIn(1000, 100_000))
    expect((await held(list(2), full, countIn(1000, 150_001))).total).toBe(150_001)
  })

  test('is forgotten when a page shows the end', async () => {
    const held = createCountedPage({ now: () => now })
    await held(list(1), full, countIn(1000, 100_000))
    expect((await held(list(2), async () => [0], never)).total).toBe(50_001)
    expect((await held(list(1), full, countIn(1, 50_001))).total).toBe(50_001)
  })

  test.each([
    [249, 250_000],
    [10_000, 49_999],
  ])('is counted anew for each page when it took %d ms or is %d', async (ms, total) => {
    const held = createCountedPage({ now: () => now })
    const first = async () => [0]
    const small = { ...list(1), query: { page: 1, limit: 1 } }
    await held(small, first, countIn(ms, total))
    expect((await held(small, first, countIn(1, total + 1))).total).toBe(total + 1)
  })
})
