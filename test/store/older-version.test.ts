import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { Run } from '../../src/domain/entities.ts'
import { eventVersion, type IngestEvent } from '../../src/domain/events.ts'
import { deriveId } from '../../src/domain/ids.ts'
import { fromEpochMs } from '../../src/domain/timestamp.ts'
import { closePool, openPool, type Db } from '../../src/store/pool.ts'
import {
  aggregateRefresh,
  experimentAggregateRefreshDirty,
} from '../../src/store/write/aggregates/aggregates.ts'
import { applyEvents } from '../../src/store/write/ingest.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'

let database: TestDatabase
let db: Db
const tenantId = deriveId('test', 'tenant')

beforeAll(async () => {
  database = await createTestDatabase()
  db = openPool(database.url, { max: 1 })
  await db`insert into tenants (id, name, created_at) values (${tenantId}, 'test', now())`
})

afterAll(async () => {
  await closePool(db)
  await database.drop()
})

/**
 * The `applyEvents` of an older version of the server, whose list of run fields is one shorter: it does not know
 * `isAppRoot`.
 */
async function olderApplyEvents(): Promise<typeof applyEvents> {
  const entities = '../../src/domain/entities.ts'
  vi.resetModules()
  vi.doMock(entities, async (importOriginal) => {
    const original = await importOriginal<typeof import('../../src/domain/entities.ts')>()
    const { run, ...others } = original.entityFields
    return { ...original, entityFields: { run: run.slice(0, -1), ...others } }
  })
  try {
    return (await import('../../src/store/write/ingest.ts')).applyEvents
  } finally {
    vi.doUnmock(entities)
    vi.resetModules()
  }
}

const update = (id: string, second: number, patch: Partial<Run>): IngestEvent => ({
  kind: 'run',
  id,
  externalId: null,
  version: eventVersion('update', fromEpochMs(Date.UTC(2026, 0, 1) + second * 1000)!, ''),
  patch,
})

test.each([
  { before: 'of one event', earlier: [] },
  { before: 'of several events', earlier: [20] },
])(
  'I3: a worker of an older version keeps the clock of a field that it does not know, in a row $before',
  async ({ earlier }) => {
    const older = await olderApplyEvents()
    const id = deriveId('test', 'run', String(earlier.length))
    const apply = async (by: typeof applyEvents, event: IngestEvent) => by(db, tenantId, [event])

    await apply(applyEvents, update(id, 10, { isAppRoot: true }))
    for (const second of earlier) await apply(applyEvents, update(id, second, { name: 'ours' }))
    await apply(older, update(id, 30, { name: 'theirs' }))
    await apply(applyEvents, update(id, 15, { isAppRoot: false }))

    const [row] = await db`select name, is_app_root from runs where id = ${id}`
    expect(row).toEqual({ name: 'theirs', isAppRoot: false })
  },
)

test('I10: what a worker of an older version writes and refreshes beside this one is right in the end', async () => {
  const experimentId = deriveId('test', 'experiment')
  const write = async (name: string) => {
    const id = deriveId('test', name)
    await applyEvents(db, tenantId, [update(id, 1, { traceId: id, experimentId, name })])
  }
  const runCount = async () => {
    const [row] = await db<{ runCount: number }[]>`
      select run_count from experiment_aggregates where experiment_id = ${experimentId}`
    return row?.runCount
  }
  await db`
    insert into experiments (tenant_id, id, name, name_scope, start_time, created_at, updated_at)
    values (${tenantId}, ${experimentId}, 'e', ${experimentId}, now(), now(), now())`
  await write('ours')
  await experimentAggregateRefreshDirty(db, tenantId, [experimentId])
  expect(await runCount()).toBe(1)

  // It marks the experiment, and says nothing of the trace.
  await write('theirs')
  await db`delete from dirty_traces`
  await db`insert into experiment_dirty_marks (tenant_id, experiment_id) values (${tenantId}, ${experimentId})`
  // It computes the aggregates from all rows, later than we do.
  await db`update experiment_aggregates set run_count = 7 where experiment_id = ${experimentId}`
  await db`delete from experiment_dirty_marks`
  while (await aggregateRefresh(db, tenantId));
  expect(await runCount()).toBe(2)
  const [sum] = await db`
    select n::integer as n from experiment_sums where experiment_id = ${experimentId} and kind = 'runs'`
  expect(sum).toEqual({ n: 2 })
})

test('I10: after an upgrade, a small experiment is computed by its first reader and a large one in the background', async () => {
  const [small, large] = [deriveId('test', 'small'), deriveId('test', 'large')]
  for (const id of [small, large]) {
    await db`
      insert into experiments (tenant_id, id, name, name_scope, start_time, created_at, updated_at)
      values (${tenantId}, ${id}, ${id}, ${id}, now(), now(), now())`
    // As the older version left them.
    await db`
      insert into experiment_aggregates (tenant_id, experiment_id, item_count, run_count, error_count, streaming_count,
        feedback_stats, experiment_feedback_stats)
      values (${tenantId}, ${id}, 0, 3, 0, 0, '{}', '{}')`
  }
  const fill = async (experimentId: string, count: number) => {
    await db`
      insert into runs (tenant_id, id, v, m, trace_id, experiment_id)
      select ${tenantId}, id, 1, 0, id, ${experimentId}
      from (select md5(${experimentId} || n)::uuid as id from generate_series(1, ${count}::int) as n) as made`
    await db`
      insert into traces (tenant_id, id, v, m, root_run_id)
      select tenant_id, id, 1, 0, id from runs where experiment_id = ${experimentId}`
  }
  await fill(small, 3)
  await fill(large, 5001)
  await db`insert into aggregate_passes (tenant_id) values (${tenantId})`
  const counts = async () => {
    const rows = await db<{ runCount: number }[]>`
      select run_count from experiment_aggregates where experiment_id in (${small}, ${large}) order by run_count`
    return rows.map((row) => row.runCount)
  }
  // All that a reader waits for is bounded, whatever the number of experiments.
  const other = deriveId('test', 'other small')
  await db`
    insert into experiments (tenant_id, id, name, name_scope, start_time, created_at, updated_at)
    values (${tenantId}, ${other}, 'o', ${other}, now(), now(), now())`
  await fill(other, 3)
  const built = async () =>
    db`select from experiment_aggregates where is_built and experiment_id in (${small}, ${other}, ${large})`
  await experimentAggregateRefreshDirty(db, tenantId, [small, other, large], { buildUpTo: 5 })
  expect(await built()).toHaveLength(1)
  await experimentAggregateRefreshDirty(db, tenantId, [small, other, large])
  expect(await built()).toHaveLength(2)
  expect(await counts()).toEqual([3, 3])
  await applyEvents(db, tenantId, [
    update(deriveId('test', 'new'), 1, { traceId: deriveId('test', 'new'), experimentId: small }),
  ])
  await experimentAggregateRefreshDirty(db, tenantId, [small, large])
  expect(await counts()).toEqual([3, 4])
  while (await aggregateRefresh(db, tenantId));
  expect(await counts()).toEqual([4, 5001])
  expect(await db`select from aggregate_passes`).toHaveLength(0)
})
