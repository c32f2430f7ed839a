import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { IngestEvent } from '../../src/domain/events.ts'
import { closePool, openPool, type Db } from '../../src/store/pool.ts'
import { applyEvents } from '../../src/store/write/ingest.ts'
import { comparisonRows } from '../support/comparison-rows.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { traceOf } from '../support/run-tree.ts'
import { insertTenant } from '../support/tenant.ts'

let database: TestDatabase
let db: Db
let tenantId: string
let experimentId: string

beforeAll(async () => {
  database = await createTestDatabase()
  db = openPool(database.url, { max: 2 })
  tenantId = (await insertTenant(db)).id
  experimentId = await comparisonRows(db, tenantId).experiment(null)
})

afterAll(async () => {
  await closePool(db)
  await database.drop()
})

/** Applies events, and keeps back each answer until nothing more is sent. @returns how often that was */
async function countRounds(events: IngestEvent[]): Promise<number> {
  let rounds = 0
  let release = (): void => {}
  let answers: Promise<void> | null = null
  let waiting: NodeJS.Immediate | undefined

  function releaseWhenQuiet(turns: number): void {
    clearImmediate(waiting)
    waiting = setImmediate(() => {
      if (turns > 0) return releaseWhenQuiet(turns - 1)
      rounds += 1
      answers = null
      release()
    })
  }

  const begin = async (work: (transaction: unknown) => Promise<unknown>) =>
    db.begin(async (transaction) =>
      work({
        unsafe: async (...sent: Parameters<Db['unsafe']>) => {
          const answer = transaction.unsafe(...sent).execute()
          answer.catch(() => {})
          answers ??= new Promise((resolve) => (release = resolve))
          releaseWhenQuiet(5)
          await answers
          return answer
        },
      }),
    )
  await applyEvents({ begin } as unknown as Db, tenantId, events)
  return rounds
}

test('a batch of new traces waits for Postgres twice, beside the end of its transaction', async () => {
  const { events } = traceOf(experimentId, 1, {}, [{}, {}])
  expect(await countRounds(events)).toBe(2)
})

test('a batch that changes runs of traces that are there waits three times', async () => {
  const { events, traceId } = traceOf(experimentId, 1, {}, [{}, {}])
  await applyEvents(db, tenantId, events.slice(0, 1))
  expect(await countRounds(events)).toBe(3)
  expect(await db`select run_count from traces where id = ${traceId}`).toEqual([{ runCount: 3 }])
})

test('a batch of feedback waits twice', async () => {
  const { events, traceId } = traceOf(experimentId, 1)
  await applyEvents(db, tenantId, events)
  const [root] = events
  const feedback: IngestEvent = {
    ...root!,
    kind: 'feedback',
    id: randomUUID(),
    patch: { runId: traceId, traceId, key: 'score', score: '1' },
  }
  expect(await countRounds([feedback])).toBe(2)
})
