import fc from 'fast-check'
import { describe, expect, inject, test } from 'vitest'
import type { Entities, EntityKind } from '../../src/domain/entities.ts'
import { eventVersion, type IngestEvent } from '../../src/domain/events.ts'
import { deriveId, runItemId } from '../../src/domain/ids.ts'
import { fromEpochMs } from '../../src/domain/timestamp.ts'
import {
  aggregateRefresh,
  experimentAggregateRebuild,
  experimentAggregateRefreshDirty,
} from '../../src/store/write/aggregates/aggregates.ts'
import { experimentListDirty } from '../../src/store/read/experiments/experiments.ts'
import { closePool, openPool, type Db } from '../../src/store/pool.ts'
import { dirtyTraceInsertMany } from '../../src/store/write/dirty-traces.ts'
import { applyEvents } from '../../src/store/write/ingest.ts'
import { harness, type Harness } from '../support/harness.ts'

const start = Date.UTC(2026, 0, 1)
const at = (seconds: number) => fromEpochMs(start + seconds * 1000)!
const experimentId = deriveId('test', 'experiment')
const exampleId = deriveId('test', 'example')
let counter = 0

function event<K extends EntityKind>(
  kind: K,
  id: string,
  patch: Partial<Entities[K]>,
): IngestEvent {
  return {
    kind,
    id,
    externalId: null,
    version: eventVersion('create', at(0), `${kind}${id}${counter++}`),
    patch,
  }
}

const idOf = (name: string) => deriveId('test-id', name)

/** A root run that takes `seconds`, with an llm child that uses `tokens`. */
function tree(
  name: string,
  seconds: number,
  tokens: number,
  root: Partial<Entities['run']> = {},
): IngestEvent[] {
  const traceId = idOf(name)
  const shared = { traceId, experimentId, startTime: at(0), endTime: at(seconds) }
  return [
    event('run', traceId, { ...shared, name, runType: 'chain', totalTokens: 999, ...root }),
    event('run', idOf(`${name} llm`), {
      ...shared,
      name: 'llm',
      runType: 'llm',
      parentRunId: traceId,
      promptTokens: tokens,
      completionTokens: 1,
      totalTokens: tokens + 1,
      totalCost: '0.000001',
      firstTokenTime: at(seconds / 2),
    }),
  ]
}

async function addExperiment(h: Harness, id = experimentId): Promise<void> {
  await h.db`
    insert into experiments (tenant_id, id, name, name_scope, start_time, created_at, updated_at)
    values (${h.tenant.id}, ${id}, ${id}, ${deriveId('nil')}, now(), now(), now())`
}

/** Applies events, and leaves the aggregates to whoever looks. */
async function apply(h: Harness, events: IngestEvent[]): Promise<void> {
  await applyEvents(h.db, h.tenant.id, events)
}

async function readAggregate(h: Harness): Promise<Record<string, unknown> | undefined> {
  const [row] = await h.db<Record<string, unknown>[]>`
    select * from experiment_aggregates where experiment_id = ${experimentId}`
  return row
}

describe('aggregates', () => {
  test('hold items, runs, errors, latency, first token, tokens, exact cost and feedback per key', async () => {
    const h = await harness()
    await addExperiment(h)
    await h.ingest(
      ...tree('one', 1, 10, { referenceExampleId: exampleId }),
      ...tree('two', 3, 20, { error: '"boom"' }),
      event('feedback', idOf('f1'), {
        runId: idOf('one'),
        key: 'correct',
        score: 'true',
        scoreNumber: 1,
      }),
      event('feedback', idOf('f2'), {
        runId: idOf('two llm'),
        key: 'correct',
        score: '0.5',
        scoreNumber: 0.5,
      }),
      event('feedback', idOf('f3'), {
        traceId: idOf('two'),
        key: 'label',
        value: '"GOOD"',
        valueText: 'GOOD',
      }),
      event('feedback', idOf('f4'), {
        runId: idOf('one'),
        key: 'correct',
        scoreNumber: 0,
        comparativeExperimentId: idOf('pairwise'),
      }),
      event('feedback', idOf('f5'), { experimentId, key: 'summary', score: '3', scoreNumber: 3 }),
    )
    expect(await readAggregate(h)).toMatchObject({
      itemCount: 1,
      runCount: 2,
      errorCount: 1,
      streamingCount: 2,
      latencyP50: 2,
      latencyP99: 2.98,
      firstTokenP50: 1,
      promptTokens: 30,
      completionTokens: 2,
      totalTokens: 32,
      totalCost: '0.000002',
      lastRunStartTime: at(0),
    })
    const { feedbackStats, experimentFeedbackStats } = (await readAggregate(h))!
    expect(JSON.parse(feedbackStats as string)).toEqual({
      correct: { n: 2, avg: 0.75, values: {} },
      label: { n: 1, avg: null, values: { GOOD: 1 } },
    })
    expect(JSON.parse(experimentFeedbackStats as string)).toEqual({
      summary: { n: 1, avg: 3, values: {} },
    })
  })

  test('count the runs that a link joins to the experiment, though they were traced elsewhere', async () => {
    const h = await harness()
    await addExperiment(h)
    const traceId = idOf('elsewhere')
    await h.ingest(
      event('run_item', runItemId(experimentId, exampleId, traceId, null), {
        experimentId,
        exampleId,
        traceId,
        createdAt: at(0),
      }),
    )
    expect(await readAggregate(h)).toMatchObject({ itemCount: 1, runCount: 0 })
    const [root, llm] = tree('elsewhere', 2, 5)
    for (const late of [root!, llm!]) delete (late.patch as Partial<Entities['run']>).experimentId
    await h.ingest(root!, llm!)
    expect(await readAggregate(h)).toMatchObject({ itemCount: 1, runCount: 1, totalTokens: 6 })
  })

  test('a mark whose nudge was lost is found by the sweep', async () => {
    const h = await harness()
    await addExperiment(h)
    await apply(h, tree('one', 1, 1))
    expect(await readAggregate(h)).toBeUndefined()
    await h.queue.enqueue('sweep', [{}])
    await h.drain()
    expect(await readAggregate(h)).toMatchObject({ runCount: 1, feedbackStats: '{}' })
    expect(await h.db`select from dirty_traces`).toHaveLength(0)
  })

  test('a reader that refreshes sees every applied event, though no job has run', async () => {
    const h = await harness()
    await addExperiment(h)
    for (const seconds of [1, 2]) {
      await apply(h, tree(`run ${seconds}`, seconds, 1))
      await experimentAggregateRefreshDirty(h.db, h.tenant.id, [experimentId])
      expect(await readAggregate(h)).toMatchObject({ runCount: seconds })
    }
  })
})

describe('experiments made late', () => {
  const summary = (name: string) =>
    event('feedback', idOf(name), { experimentId, key: 'summary', score: '3', scoreNumber: 3 })

  test('I3: feedback and runs that came before their experiment count in it', async () => {
    const h = await harness()
    await h.ingest(summary('early'), ...tree('early', 1, 10))
    expect(await h.db`select from dirty_traces`).toHaveLength(0)
    await addExperiment(h)
    expect(await experimentListDirty(h.db, h.tenant.id, {}, 1)).toEqual([experimentId])

    await h.ingest(summary('late'))
    const counted = await readAggregate(h)
    expect(counted).toMatchObject({ runCount: 1, totalTokens: 11, isBuilt: true })
    expect(JSON.parse(counted!.experimentFeedbackStats as string)).toEqual({
      summary: { n: 2, avg: 3, values: {} },
    })
    expect(await experimentListDirty(h.db, h.tenant.id, {}, 1)).toEqual([])
    await experimentAggregateRebuild(h.db, h.tenant.id, experimentId)
    expect(await readAggregate(h)).toEqual(counted)
  })

  test('one that a pass did not publish is complete once the pass is done and something changes', async () => {
    const h = await harness()
    await addExperiment(h)
    await h.db`insert into aggregate_passes (tenant_id) values (${h.tenant.id})`
    await apply(h, tree('one', 1, 1))
    await aggregateRefresh(h.db, h.tenant.id)
    await h.db`update experiment_aggregates set is_built = false`
    await h.ingest(...tree('two', 1, 1))
    expect(await readAggregate(h)).toMatchObject({ runCount: 2, isBuilt: true })
  })
})

describe('moves', () => {
  test('a run that moves to another trace counts there alone, and the trace that it left is rolled up anew', async () => {
    const h = await harness()
    await addExperiment(h)
    const [run, first, second] = [idOf('moving'), idOf('first trace'), idOf('second trace')]
    await h.ingest(
      event('run', run, { traceId: first, experimentId, runType: 'llm', totalTokens: 7 }),
    )
    expect(await readAggregate(h)).toMatchObject({ runCount: 1, totalTokens: 7 })
    // The trace that was said first wins, and what was said earlier may come later.
    const move = event('run', run, { traceId: second })
    await h.ingest({ ...move, version: eventVersion('create', at(-1), '') })
    expect(await readAggregate(h)).toMatchObject({ runCount: 1, totalTokens: 7 })
    expect(await h.db`select id, run_count, total_tokens from traces order by run_count`).toEqual([
      { id: first, runCount: 0, totalTokens: null },
      { id: second, runCount: 1, totalTokens: 7 },
    ])
    expect(await h.db`select trace_id from trace_aggregates`).toEqual([{ traceId: second }])
  })
})

describe('plans', () => {
  test('none is kept that was made on empty tables, and 3,000 runs are refreshed', async ({
    onTestFinished,
  }) => {
    const h = await harness()
    await addExperiment(h)
    // Postgres would keep a plan after five executions on a connection. One that was made for empty tables took 20 s
    // later.
    const db = await openSingle(h)
    onTestFinished(async () => closePool(db))
    for (let i = 0; i < 8; i++) {
      await dirtyTraceInsertMany(db, h.tenant.id, [idOf('none')])
      await aggregateRefresh(db, h.tenant.id)
    }
    const plans = await db`
      select custom_plans, generic_plans from pg_prepared_statements
      where statement like '%-- name: trace_aggregate_refresh%' and statement not like '%pg_prepared_statements%'`
    expect(plans).toEqual([{ customPlans: 8, genericPlans: 0 }])
    for (let i = 0; i < 3000; i += 250) {
      const events = Array.from({ length: 250 }, (_, j) =>
        tree(`run ${i + j}`, 1, 1, { referenceExampleId: idOf(`example ${i + j}`) }),
      ).flat()
      await apply(h, events)
    }
    await aggregateRefresh(db, h.tenant.id)
    expect(await readAggregate(h)).toMatchObject({
      itemCount: 3000,
      runCount: 3000,
      totalTokens: 6000,
    })
  })
})

describe('I10 Rebuild', () => {
  test('after any history the aggregates equal those rebuilt from the rows, to the byte', async () => {
    const h = await harness()
    await addExperiment(h)
    const step = fc.record({
      name: fc.constantFrom('a', 'b', 'c'),
      seconds: fc.integer({ min: 0, max: 9 }),
      tokens: fc.integer({ min: 0, max: 9 }),
      score: fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }),
      label: fc.constantFrom('x', 'y', null),
    })
    const history = fc.array(step, { minLength: 1, maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(history, async (steps) => {
        for (const { name, seconds, tokens, score, label } of steps) {
          await h.ingest(
            ...tree(name, seconds, tokens),
            event('feedback', idOf(`feedback ${name}`), {
              runId: idOf(name),
              key: 'k',
              scoreNumber: score,
              valueText: label,
            }),
          )
        }
        const after = await readAggregate(h)
        await experimentAggregateRebuild(h.db, h.tenant.id, experimentId)
        expect(await readAggregate(h)).toEqual(after)
      }),
      { numRuns: 25 },
    )
  })
})

describe('purge', () => {
  test('removes the rows of a deleted experiment and leaves every other row', async () => {
    const h = await harness()
    await addExperiment(h)
    const foreign = event('run', idOf('other'), { traceId: idOf('other'), name: 'other' })
    await h.ingest(
      ...tree('one', 1, 1, { referenceExampleId: exampleId }),
      event('feedback', idOf('f1'), { runId: idOf('one'), key: 'k' }),
      event('feedback', idOf('f2'), { runId: idOf('other'), key: 'k' }),
      foreign,
    )
    await deleteExperiment(h)
    expect(await h.db`select id from runs`).toEqual([{ id: idOf('other') }])
    expect(await h.db`select id from traces`).toEqual([{ id: idOf('other') }])
    expect(await h.db`select id from feedback`).toEqual([{ id: idOf('f2') }])
    for (const table of [
      'run_items',
      'experiment_aggregates',
      'trace_aggregates',
      'experiment_sums',
    ]) {
      expect(await h.db`select from ${h.db(table)}`).toHaveLength(0)
    }
    expect(await h.db`select purged_at is not null as purged from tombstones`).toEqual([
      { purged: true },
    ])
  })

  test('a trace with runs of another experiment stays, and is rolled up from those', async () => {
    const h = await harness()
    await addExperiment(h)
    const other = deriveId('test', 'other experiment')
    await addExperiment(h, other)
    const kept = event('run', idOf('kept'), {
      traceId: idOf('shared'),
      experimentId: other,
      name: 'kept',
      runType: 'llm',
      startTime: at(1),
      endTime: at(2),
      totalTokens: 5,
      totalCost: '0.5',
    })
    await h.ingest(
      ...tree('shared', 9, 10, { error: '"boom"' }),
      event('trace', idOf('shared'), { experimentId }),
      event('trace', idOf('empty'), { experimentId }),
      kept,
    )
    await deleteExperiment(h)
    const traces = await h.db`
      select root_run_id, root_name, run_count, error_count, total_tokens, total_cost, shown_cost, start_time, end_time
      from traces`
    expect(traces).toEqual([
      {
        rootRunId: idOf('kept'),
        rootName: 'kept',
        runCount: 1,
        errorCount: 0,
        totalTokens: 5,
        totalCost: '0.5',
        shownCost: '0.5',
        startTime: at(1),
        endTime: at(2),
      },
    ])
    const counted = await h.db`select * from experiment_aggregates`
    expect(counted).toMatchObject([{ experimentId: other, runCount: 1, totalTokens: 5 }])
    await experimentAggregateRebuild(h.db, h.tenant.id, other)
    expect(await h.db`select * from experiment_aggregates`).toEqual(counted)
  })
})

/** Deletes the experiment, and purges what belongs to it. */
async function deleteExperiment(h: Harness): Promise<void> {
  await h.db`delete from experiments where id = ${experimentId}`
  await h.db`
    insert into tombstones (tenant_id, kind, id, deleted_at)
    values (${h.tenant.id}, 'experiment', ${experimentId}, now())`
  for (const _ of ['purge', 'refresh']) {
    await h.queue.enqueue('sweep', [{}])
    await h.drain()
  }
}

/** The database of the harness, through one connection. */
async function openSingle(h: Harness): Promise<Db> {
  const [row] = await h.db<{ name: string }[]>`select current_database() as name`
  const url = new URL(inject('postgres').adminUrl)
  url.pathname = `/${row!.name}`
  return openPool(url.href, { max: 1 })
}
