import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import type { IngestEvent } from '../../src/domain/events.ts'
import { comparisonPage } from '../../src/store/read/comparison/comparison.ts'
import { experimentAggregateListAmong } from '../../src/store/read/experiments/experiments.ts'
import { runItemList } from '../../src/store/read/experiments/run-items.ts'
import { runList } from '../../src/store/read/runs/run-list.ts'
import { runFind } from '../../src/store/read/runs/runs.ts'
import { traceFind } from '../../src/store/read/traces/traces.ts'
import { closePool, openPool, type Db } from '../../src/store/pool.ts'
import { setDistributed } from '../../src/store/statements.ts'
import { aggregateRefresh } from '../../src/store/write/aggregates/aggregates.ts'
import { applyEvents } from '../../src/store/write/ingest.ts'
import { createRunPricer } from '../../src/store/write/prices/run-prices.ts'
import {
  comparisonRows,
  feedbackOn,
  linkEvent,
  runEvent,
  second,
} from '../support/comparison-rows.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { traceOf } from '../support/run-tree.ts'
import { insertTenant } from '../support/tenant.ts'

/*
 * A tenant that no statistics of a table name yet, beside one that they do. What is read is told by Postgres's own counters:
 * entries of indexes, and rows of tables that are read through. Each bound is a number for a trace or a request, far below
 * what the tenant has.
 */

const tracesPerBatch = 50
const batches = 20
const traces = tracesPerBatch * batches

interface Filled {
  tenantId: string
  datasetId: string
  experimentId: string
  lastTraceId: string
}

let database: TestDatabase
let db: Db
let unseen: Filled
/** What was read for each trace, in the first batches of the unseen tenant and in its last ones. */
let applied: { first: number; last: number }
let refreshed: number

describe.each([
  ['thousands of rows', 3 * batches, 0],
  ['so many that plans are kept', batches, 12_000],
])('beside a tenant with %s', (_size, knownBatches, bulk) => {
  beforeAll(async () => {
    database = await createTestDatabase()
    // One connection, whose counters can be asked for at once.
    db = openPool(database.url, { max: 1 })
    for (const { name } of await db<{ name: string }[]>`
      select relname as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace`)
      await db`alter table ${db(name)} set (autovacuum_enabled = false)`
    const known = await addTenant()
    for (let batch = 0; batch < knownBatches; batch += 1) await burst(known)
    await refresh(known)
    await insertBulk(known, bulk)
    await db`analyze`
    unseen = await addTenant()
    const first = await readBy(async () => bursts(batches / 4))
    await bursts(batches / 2)
    const last = await readBy(async () => bursts(batches / 4))
    const perTrace = (read: number) => read / (traces / 4)
    applied = { first: perTrace(first), last: perTrace(last) }
    refreshed = (await readBy(async () => refresh(unseen))) / traces
  })

  afterAll(async () => {
    await closePool(db)
    await database.drop()
  })

  test('what a batch reads for a trace does not grow with what the tenant has', () => {
    expect(applied.last).toBeLessThan(1.5 * applied.first)
    expect(applied.last).toBeLessThan(100)
  })

  test('nor does what is read when its aggregates are refreshed', async () => {
    expect(refreshed).toBeLessThan(100)
    const { tenantId, experimentId } = unseen
    const aggregates = await experimentAggregateListAmong(db, tenantId, [experimentId])
    expect(aggregates.get(experimentId)).toMatchObject({ runCount: traces, itemCount: traces })
  })

  test('plans are kept once the tables have many rows, and not before', async () => {
    const kept = await db`
      select from pg_prepared_statements where generic_plans > 0 and statement like '-- name: trace_refresh_rollups%'`
    expect(kept).toHaveLength(bulk === 0 ? 0 : 1)
  })

  describe('a request reads what it asks for', () => {
    test.each<[what: string, ask: (tenant: Filled) => Promise<unknown>]>([
      ['a run', async ({ tenantId, lastTraceId }) => runFind(db, tenantId, lastTraceId)],
      [
        'a trace',
        async ({ tenantId, lastTraceId }) =>
          traceFind(db, tenantId, lastTraceId, {
            io: true,
            metrics: true,
            observationIds: true,
            scoreIds: true,
          }),
      ],
      [
        'the runs of a trace',
        async ({ tenantId, lastTraceId }) =>
          runList(
            db,
            { tenantId, traceId: lastTraceId },
            { order: 'desc', after: null, limit: 100 },
            new Set(['relatives', 'feedbackStats']),
          ),
      ],
      [
        'the items of an experiment',
        async ({ tenantId, experimentId }) =>
          runItemList(db, tenantId, experimentId, { limit: 50, offset: 0 }),
      ],
    ])('%s', async (_what, ask) => {
      expect(await ask(unseen)).not.toBeNull()
      expect(await readBy(async () => ask(unseen))).toBeLessThan(500)
    })

    test('a page of the comparison, whose keys are all items of the experiment', async () => {
      const { tenantId, datasetId, experimentId } = unseen
      const ask = async () =>
        comparisonPage(
          db,
          {
            tenantId,
            datasetId,
            experimentIds: [experimentId],
            exampleIds: null,
            filters: new Map(),
            sort: null,
            comparativeExperimentId: null,
          },
          { after: null, limit: 20, isPreview: true, detail: 'all' },
        )
      expect((await ask()).rows).toHaveLength(20)
      expect(await readBy(ask)).toBeLessThan(5 * traces)
    })
  })
})

test('where tables are spread over nodes, a look-up names the tenant as a parameter, by which its node is found', async () => {
  const spread = await createTestDatabase()
  const pool = openPool(spread.url, { max: 1 })
  const sent = async (isDistributed: boolean): Promise<string[]> => {
    setDistributed(isDistributed)
    await runFind(pool, randomUUID(), randomUUID())
    await runItemList(pool, randomUUID(), randomUUID(), { limit: 1, offset: 0 })
    const rows = await pool<{ statement: string }[]>`
      select statement from pg_prepared_statements where statement ~ '-- name: run_(find|item_list)'`
    return rows.map(({ statement }) => statement)
  }
  try {
    const hidden = await sent(false)
    expect(hidden).toHaveLength(2)
    for (const statement of hidden) expect(statement).toContain('tenant_id = (select $1::uuid)')
    const named = (await sent(true)).filter((statement) => !hidden.includes(statement))
    expect(named).toHaveLength(2)
    for (const statement of named) {
      expect(statement).toContain('tenant_id = $1')
      expect(statement).not.toContain('select $1')
    }
  } finally {
    setDistributed(inject('postgres').nodeUrls.length > 0)
    await closePool(pool)
    await spread.drop()
  }
})

const prices = createRunPricer(() => {})

async function addTenant(): Promise<Filled> {
  const { id: tenantId } = await insertTenant(db)
  const rows = comparisonRows(db, tenantId)
  const datasetId = await rows.dataset()
  return {
    tenantId,
    datasetId,
    experimentId: await rows.experiment(datasetId),
    lastTraceId: '',
  }
}

async function bursts(count: number): Promise<void> {
  for (let batch = 0; batch < count; batch += 1) await burst(unseen)
}

/**
 * Applies traces as clients send them: first the roots, then children, of which one waits for its parent, ends and scores.
 * Models are only told by parameters, so that runs are priced once they are written.
 */
async function burst(tenant: Filled): Promise<void> {
  const { tenantId, datasetId, experimentId } = tenant
  const [begun, ended]: [IngestEvent[], IngestEvent[]] = [[], []]
  const examples = Array.from({ length: tracesPerBatch }, () => randomUUID())
  await db`
    insert into examples (tenant_id, id, dataset_id, valid_from, created_at, inputs)
    select ${tenantId}, id, ${datasetId}, ${second(0)}, ${second(0)}, '{}' from unnest(${examples}::uuid[]) as given (id)`
  for (const exampleId of examples) {
    const call = { promptTokens: 10, extra: { invocation_params: '{"model":"unknown"}' } }
    const { traceId, ids, events } = traceOf(experimentId, 1, {}, [call, call])
    const [root, ...children] = events
    tenant.lastTraceId = traceId
    // Its trace follows from its parent, which comes later.
    const grandchild = randomUUID()
    const patch = { parentRunId: ids[1]!, experimentId, name: 'waits', startTime: second(3) }
    begun.push(root!, runEvent(grandchild, patch))
    ended.push(
      ...children,
      runEvent(traceId, { experimentId, endTime: second(20) }),
      linkEvent(datasetId, experimentId, exampleId, traceId),
      feedbackOn({ id: ids[1]!, patch: { traceId } }, 'correct', 1),
    )
  }
  await applyEvents(db, tenantId, begun, prices)
  await applyEvents(db, tenantId, ended, prices)
}

/** Inserts rows that no request asks for. */
async function insertBulk({ tenantId }: Filled, rows: number): Promise<void> {
  const row = db`select ${tenantId}::uuid, gen_random_uuid(), 0, 0`
  const series = db`from generate_series(1, ${rows}::integer)`
  await db`insert into runs (tenant_id, id, v, m, trace_id, start_time) ${row}, gen_random_uuid(), now() ${series}`
  await db`insert into traces (tenant_id, id, v, m) ${row} ${series}`
}

async function refresh({ tenantId }: Filled): Promise<void> {
  while (await aggregateRefresh(db, tenantId));
}

/** Returns how many entries of indexes and rows of tables something reads. */
async function readBy(action: () => Promise<unknown>): Promise<number> {
  const before = await countRead()
  await action()
  return (await countRead()) - before
}

async function countRead(): Promise<number> {
  await db`select pg_stat_force_next_flush()`
  const [row] = await db<{ count: number }[]>`
    select (
      (select sum(idx_tup_read) from pg_stat_user_indexes) + (select sum(seq_tup_read) from pg_stat_user_tables)
    )::bigint as count`
  return row!.count
}
