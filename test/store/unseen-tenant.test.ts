import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { IngestEvent } from '../../src/domain/events.ts'
import { comparisonPage } from '../../src/store/read/comparison/comparison.ts'
import { experimentAggregateListAmong } from '../../src/store/read/experiments/experiments.ts'
import { runItemList } from '../../src/store/read/experiments/run-items.ts'
import { feedbackList } from '../../src/store/read/feedback/feedback.ts'
import { runList } from '../../src/store/read/runs/run-list.ts'
import { runStats } from '../../src/store/read/runs/run-stats.ts'
import { runFind } from '../../src/store/read/runs/runs.ts'
import { traceFind } from '../../src/store/read/traces/traces.ts'
import { closePool, openPool, type Db } from '../../src/store/pool.ts'
import { adaptStatements } from '../../src/store/adapt.ts'
import { type Parameter, runStatement, setSentForm } from '../../src/store/statements.ts'
import { aggregateRefresh } from '../../src/store/write/aggregates/aggregates.ts'
import { applyEvents } from '../../src/store/write/ingest.ts'
import { traceDeleteMany } from '../../src/store/write/traces.ts'
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

/** How statements are sent until they are adapted. */
const plain = { hidesTenant: false, keepsPlans: false }

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
    await adaptStatements(db)
    unseen = await addTenant()
    const first = await readBy(async () => bursts(batches / 4))
    await bursts(batches / 2)
    const last = await readBy(async () => bursts(batches / 4))
    const perTrace = (read: number) => read / (traces / 4)
    applied = { first: perTrace(first), last: perTrace(last) }
    refreshed = (await readBy(async () => refresh(unseen))) / traces
  })

  afterAll(async () => {
    setSentForm(plain)
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

describe('a tenant with nearly all rows, beside hundreds with few', () => {
  const [large, experiments] = [randomUUID(), 100]
  let [traceIds, experimentIds, waitingIds]: [string[], string[], string[]] = [[], [], []]
  const newest = { order: 'desc', after: null, limit: 20 } as const
  const named = (name: string) =>
    ({ kind: 'condition', attribute: 'name', operator: 'eq', value: name }) as const
  const list = async (query: object) =>
    runList(db, { tenantId: large, ...query }, newest, new Set())

  beforeAll(async () => {
    database = await createTestDatabase()
    db = openPool(database.url, { max: 1 })
    await insertLarge(db, large, experiments)
    const rows = async (table: 'traces' | 'experiments') =>
      (
        await db<
          { id: string }[]
        >`select id from ${db(table)} where tenant_id = ${large} order by id`
      ).map(({ id }) => id)
    traceIds = (await rows('traces')).slice(0, 1000)
    experimentIds = await rows('experiments')
    const waiting = await db<{ id: string }[]>`
      select id from runs where tenant_id = ${large} and trace_id is null`
    waitingIds = waiting.map(({ id }) => id)
    await db`vacuum analyze`
    // As if there were many more of all, so that to read a table is never the shortest way.
    await db`update pg_class set reltuples = 150 * reltuples
      where relkind = 'r' and relname in ('runs', 'traces', 'feedback', 'run_items', 'trace_aggregates')`
    await adaptStatements(db)
  })

  afterAll(async () => {
    setSentForm(plain)
    await closePool(db)
    await database.drop()
  })

  test.each<[what: string, limit: number, ask: () => Promise<unknown>]>([
    ['the runs of a trace', 500, async () => list({ traceId: traceIds[0] })],
    ['those of 100 traces', 4000, async () => list({ traceIds: traceIds.slice(0, 100) })],
    ['100 runs', 2000, async () => list({ ids: traceIds.slice(0, 100) })],
    ['runs by their root', 4000, async () => list({ traceFilter: named('n3') })],
    [
      'runs by those of their trace',
      8000,
      async () => list({ isRoot: true, treeFilter: named('n3') }),
    ],
    [
      'statistics of 240 runs',
      4000,
      async () =>
        runStats(
          db,
          { tenantId: large, minStartTime: new Date(Date.now() - 3600_000).toISOString() },
          null,
          ['feedback'],
        ),
    ],
    [
      'feedback of an experiment',
      2000,
      async () =>
        feedbackList(db, large, { experimentIds: experimentIds.slice(0, 1), offset: 0, limit: 20 }),
    ],
    [
      'locks on the runs of 1,000 traces',
      8000,
      async () => runStatement(db, 'run_lock_of_traces', [large, traceIds]),
    ],
    ['prices of 100 runs', 1000, async () => reprice('auto')],
    ['the same with a generic plan', 1000, async () => reprice('force_generic_plan')],
    ['the trace of 100 runs, of 3,000 that wait for one', 1000, async () => giveTraces('auto')],
    ['that with a generic plan', 1000, async () => giveTraces('force_generic_plan')],
    [
      'a purge of 320 runs',
      4000,
      async () => runStatement(db, 'run_delete_of_experiment', [large, experimentIds[1]!, 1000]),
    ],
    [
      'a deletion of 200 traces',
      8000,
      async () => traceDeleteMany(db, large, null, traceIds.slice(0, 200), second(0)),
    ],
  ])('%s', async (_what, limit, ask) => {
    expect(await readBy(ask)).toBeLessThan(limit)
  })

  async function reprice(mode: string): Promise<void> {
    const ids = traceIds.slice(500, 600)
    const none = ids.map(() => null)
    const prices = [ids.map(() => 'false'), none, none, none, none, none]
    await runInMode(mode, 'run_update_price_many', [large, ids, ...prices])
  }

  async function giveTraces(mode: string): Promise<void> {
    const ids = waitingIds.splice(0, 100)
    const none = ids.map(() => null)
    const traces = traceIds.slice(600, 700)
    await runInMode(mode, 'run_update_trace_many', [large, ids, traces, none, none])
  }

  async function runInMode(mode: string, name: string, values: Parameter[]): Promise<void> {
    await db.begin(async (transaction) => {
      await transaction`select set_config('plan_cache_mode', ${mode}, true)`
      await runStatement(transaction, name, values)
    })
  }
})

/**
 * Inserts 8,000 traces of one tenant, a minute apart, and five of each of 300 others, with four runs, a score and an item
 * each; and 3,000 runs of the one that wait for their parents, and so for their trace.
 */
async function insertLarge(to: Db, large: string, experiments: number): Promise<void> {
  await to`insert into tenants (id, name, created_at)
    select case when n = 0 then ${large}::uuid else gen_random_uuid() end, 't' || n, now() from generate_series(0, 300) as n`
  await to`create table filled as
    select tenants.id as tenant_id, gen_random_uuid() as id, md5(tenants.id::text || n % ${experiments}::integer)::uuid as experiment_id, n,
      now() - make_interval(mins => n) as moment
    from tenants, lateral generate_series(1, case when tenants.id = ${large} then 8000 else 5 end) as n`
  await to`insert into experiments (tenant_id, id, name, name_scope, start_time, created_at, updated_at)
    select distinct tenant_id, experiment_id, experiment_id::text, experiment_id, now(), now(), now() from filled`
  await to`insert into traces (tenant_id, id, v, m, run_count, root_run_id, root_name, experiment_id, timestamp)
    select tenant_id, id, 1, 1, 4, id, 'root', experiment_id, moment from filled`
  await to`insert into runs (tenant_id, id, v, m, trace_id, parent_run_id, experiment_id, name, run_type, start_time, created_at)
    select tenant_id, case when k = 0 then id else gen_random_uuid() end, 1, 1, id, case when k > 0 then id end, experiment_id,
      'n' || n % 20, 'chain', moment, moment
    from filled, generate_series(0, 3) as k`
  await to`insert into runs (tenant_id, id, v, m, parent_run_id, name, created_at)
    select ${large}, gen_random_uuid(), 1, 1, gen_random_uuid(), 'waits', now() - interval '1 year'
    from generate_series(1, 3000)`
  await to`insert into feedback (tenant_id, id, v, m, key, score, run_id, trace_id, experiment_id, created_at)
    select tenant_id, gen_random_uuid(), 1, 1, 'k', '1', id, id, experiment_id, moment from filled`
  await to`insert into run_items (tenant_id, id, v, m, experiment_id, example_id, run_id, trace_id, created_at)
    select tenant_id, gen_random_uuid(), 1, 1, experiment_id, gen_random_uuid(), id, id, moment from filled`
  await to`drop table filled`
}

test('the tenant is hidden only while an average tenant has many rows', async () => {
  const own = await createTestDatabase()
  const pool = openPool(own.url, { max: 1 })
  /** How a look-up names the tenant when this many more tenants have so many runs, each in a trace of its own. */
  const namedWith = async (tenants: number, runsEach: number): Promise<string> => {
    await pool`
      with added as (
        insert into tenants (id, name, created_at)
        select gen_random_uuid(), 'tenant', now() from generate_series(1, ${tenants}::integer) returning id
      ), traced as (
        insert into traces (tenant_id, id, v, m) select added.id, gen_random_uuid(), 1, 0
        from added, generate_series(1, ${runsEach}::integer) returning tenant_id, id
      )
      insert into runs (tenant_id, id, v, m, trace_id) select tenant_id, gen_random_uuid(), 1, 0, id from traced`
    if (tenants > 0) await pool`analyze`
    await adaptStatements(pool)
    // A connection of its own has prepared nothing before.
    const asker = openPool(own.url, { max: 1 })
    await runFind(asker, randomUUID(), randomUUID())
    const [row] = await asker<{ tenant: string }[]>`
      select substring(statement from 'tenant_id = (\\S+ ?\\S+)') as tenant from pg_prepared_statements
      where statement like '-- name: run_find\n%'`
    await closePool(asker)
    return row!.tenant
  }
  try {
    expect(await namedWith(0, 0)).toMatch(/^\$1/)
    expect(await namedWith(1, 200)).toMatch(/^\(select \$1::uuid/)
    expect(await namedWith(50, 1)).toMatch(/^\$1/)
  } finally {
    setSentForm(plain)
    await closePool(pool)
    await own.drop()
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
