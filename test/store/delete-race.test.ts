import { randomUUID } from 'node:crypto'
import { expect, test, vi } from 'vitest'
import { applyEvents } from '../../src/store/write/ingest.ts'
import { feedbackDelete } from '../../src/store/write/feedback.ts'
import { traceDeleteMany } from '../../src/store/write/traces.ts'
import { closePool, openPool, type Db, type Queryable } from '../../src/store/pool.ts'
import type { IngestEvent } from '../../src/domain/events.ts'
import { comparisonRows, feedbackOn, second } from '../support/comparison-rows.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { traceOf } from '../support/run-tree.ts'
import { insertTenant } from '../support/tenant.ts'

/** A tenant with one experiment, and a way to hold a transaction open. */
async function world() {
  const database = await createTestDatabase()
  const db = openPool(database.url, { max: 6 })
  const { id: tenantId } = await insertTenant(db)
  const experimentId = await comparisonRows(db, tenantId).experiment(null)
  return {
    db,
    tenantId,
    experimentId,
    apply: async (...events: IngestEvent[]) => applyEvents(db, tenantId, events),
    /** Resolves when this many connections are waiting for a lock. */
    waiting: async (count: number) =>
      vi.waitUntil(
        async () =>
          (
            await db`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
          ).length === count,
        { timeout: 60_000, interval: 5 },
      ),
    close: async () => {
      await closePool(db)
      await database.drop()
    },
  }
}

/** Does the work in a transaction, and commits it when told. */
async function hold(
  db: Db,
  work: (transaction: Queryable) => Promise<unknown>,
): Promise<() => Promise<void>> {
  return new Promise((resolve, reject) => {
    let whole: Promise<unknown>
    whole = db.begin(async (transaction) => {
      await work(transaction)
      await new Promise<void>((commit) => {
        resolve(async () => {
          commit()
          await whole
        })
      })
    })
    whole.catch(reject)
  })
}

test('I11 feedback that is deleted while a batch rewrites it stays deleted', async () => {
  const w = await world()
  const score = feedbackOn({ id: randomUUID() }, 'correct', 1)
  await w.apply(score)
  const commit = await hold(w.db, async (transaction) =>
    feedbackDelete(transaction, w.tenantId, score.id, second(9)),
  )
  const neighbour = feedbackOn({ id: randomUUID() }, 'other', 1)
  const batch = w.apply(score, neighbour)
  await w.waiting(1)
  await commit()
  await batch
  expect(await w.db`select id from feedback`).toEqual([{ id: neighbour.id }])
  await w.close()
})

test.each(['the batch first', 'the delete first'])(
  'a trace that is deleted while a batch adds to it stays deleted: %s',
  async (which) => {
    const w = await world()
    const trace = traceOf(w.experimentId, 1, {}, [{}, {}])
    const [root, first, second_] = trace.events
    await w.apply(root!, first!)
    const other = traceOf(w.experimentId, 50)
    // Both wait for the lock of the trace, in the order in which they came.
    const release = await hold(
      w.db,
      async (transaction) => transaction`
        select from traces where tenant_id = ${w.tenantId} and id = ${trace.traceId} for update`,
    )
    const write = async () => w.apply(second_!, ...other.events)
    const remove = async () =>
      traceDeleteMany(w.db, w.tenantId, w.experimentId, [trace.traceId], second(99))
    const [one, two] = which === 'the batch first' ? [write, remove] : [remove, write]
    const results = [one()]
    await w.waiting(1)
    results.push(two())
    await w.waiting(2)
    await release()
    await Promise.all(results)
    expect(await w.db`select id from runs`).toEqual([{ id: other.traceId }])
    expect(await w.db`select id from traces`).toEqual([{ id: other.traceId }])
    await w.close()
  },
)

test('I11 a trace that is deleted while the batch that creates it is still running stays deleted', async () => {
  const w = await world()
  const trace = traceOf(w.experimentId, 1, {}, [{}])
  // A trace that is not committed yet, so that nobody else can see it.
  const commit = await hold(w.db, async (transaction) => {
    await transaction`
      insert into traces (tenant_id, id, v, m) values (${w.tenantId}, ${trace.traceId}, 0, 0)`
    await transaction`
      insert into runs (tenant_id, id, v, m, trace_id, experiment_id, name)
      values (${w.tenantId}, ${trace.traceId}, 1, 1, ${trace.traceId}, ${w.experimentId}, 'root')`
  })
  const removed = traceDeleteMany(w.db, w.tenantId, w.experimentId, [trace.traceId], second(9))
  await w.waiting(1)
  await commit()
  await removed
  expect(await w.db`select id from runs`).toEqual([])
  await w.apply(...trace.events)
  expect(await w.db`select id from runs`).toEqual([])
  await w.close()
})

test.each(['moves to another trace', 'stays'])(
  'a trace is deleted while another transaction rewrites its feedback, which %s',
  async (what) => {
    const w = await world()
    const trace = traceOf(w.experimentId, 1)
    const other = traceOf(w.experimentId, 50)
    await w.apply(...trace.events, ...other.events)
    await w.apply(feedbackOn(null, 'correct', 1, { traceId: trace.traceId }))
    const traceId = what === 'stays' ? trace.traceId : other.traceId
    const commit = await hold(
      w.db,
      async (transaction) => transaction`update feedback set trace_id = ${traceId}`,
    )
    const removed = traceDeleteMany(w.db, w.tenantId, w.experimentId, [trace.traceId], second(99))
    await w.waiting(1)
    await commit()
    await removed
    const left = await w.db`select trace_id from feedback`
    expect(left).toEqual(what === 'stays' ? [] : [{ traceId: other.traceId }])
    await w.close()
  },
)
