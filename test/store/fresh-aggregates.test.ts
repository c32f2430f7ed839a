import { expect, test, vi } from 'vitest'
import { LateStatisticsError } from '../../src/store/errors.ts'
import { type Reading, withReading } from '../../src/store/reading.ts'
import { aggregateLock } from '../../src/store/write/aggregates/aggregates.ts'
import { experimentAggregateFreshen } from '../../src/store/write/aggregates/fresh-aggregates.ts'
import { comparisonRows } from '../support/comparison-rows.ts'
import { harness } from '../support/harness.ts'

test('readers of a tenant wait for one refresh together, and for no one that began before they came', async () => {
  const h = await harness()
  const other = await h.addTenant()
  const rows = comparisonRows(h.db, h.tenant.id)
  const dataset = await rows.dataset()
  const [first, second] = [await rows.experiment(dataset), await rows.experiment(dataset)]
  const elsewhere = comparisonRows(h.db, other.id)
  const theirs = await elsewhere.experiment(await elsewhere.dataset())
  const reading = (signal: AbortSignal): Reading => ({
    tenantId: h.tenant.id,
    signal,
    hasBegun: () => false,
  })
  const freshen = async (id: string, signal = new AbortController().signal) =>
    withReading(reading(signal), async () => experimentAggregateFreshen(h.db, h.tenant.id, [id]))
  const leaving = new AbortController()
  let refreshed: Promise<unknown> | undefined
  await h.db.begin(async (transaction) => {
    await aggregateLock(transaction, h.tenant.id)
    const waiting = async () => {
      const [row] = await transaction<{ n: number }[]>`
        select count(*)::integer as n from pg_locks
        where locktype = 'advisory' and not granted
          and database = (select oid from pg_database where datname = current_database())`
      return row!.n
    }
    const begun = freshen(first)
    await vi.waitFor(async () => expect(await waiting()).toBe(1), 30_000)
    // More than there are connections.
    const later = Array.from({ length: 20 }, async () => freshen(second))
    const left = freshen(second, leaving.signal)
    leaving.abort(new Error('left'))
    await expect(left).rejects.toThrow('left')
    refreshed = Promise.all([begun, ...later])
    // Reads of a tenant start in the order in which they came.
    for (let i = 0; i < 5; i++)
      expect((await h.call('GET', '/api/runmill/datasets')).status).toBe(200)
    const url = `/api/runmill/experiments/${theirs}/summary`
    expect((await h.callAs(other, 'GET', url)).status).toBe(200)
    expect(await waiting()).toBe(1)
  })
  await refreshed
  const published = await h.db<{ id: string }[]>`
    select experiment_id as id from experiment_aggregates where tenant_id = ${h.tenant.id}`
  expect(published.map(({ id }) => id).toSorted()).toEqual([first, second].toSorted())
  // Nobody else's refresh is needed for the next one to begin.
  await freshen(first)
})

test('a reader does not wait for ever for statistics that do not come, and has them once they have', async () => {
  const h = await harness()
  const rows = comparisonRows(h.db, h.tenant.id)
  const experiment = await rows.experiment(await rows.dataset())
  const late = async () => experimentAggregateFreshen(h.db, h.tenant.id, [experiment], 50)
  await h.db.begin(async (transaction) => {
    await aggregateLock(transaction, h.tenant.id)
    await expect(late()).rejects.toThrow(LateStatisticsError)
    await expect(late()).rejects.toThrow(LateStatisticsError)
  })
  await experimentAggregateFreshen(h.db, h.tenant.id, [experiment])
  expect(await h.db`select experiment_id from experiment_aggregates`).toEqual([
    { experimentId: experiment },
  ])
})
