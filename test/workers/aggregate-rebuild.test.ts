import fc from 'fast-check'
import sql from 'sql-template-tag'
import { expect, test } from 'vitest'
import type { Entities, EntityKind } from '../../src/domain/entities.ts'
import { eventVersion, type IngestEvent } from '../../src/domain/events.ts'
import { deriveId } from '../../src/domain/ids.ts'
import { fromEpochMs } from '../../src/domain/timestamp.ts'
import { isRetryable } from '../../src/store/errors.ts'
import { executionSql } from '../../src/store/read/compare/execution-columns.ts'
import {
  executionListStats,
  executionReadStats,
} from '../../src/store/read/experiments/execution-stats.ts'
import { runComposed, tenant } from '../../src/store/statements.ts'
import {
  aggregateRefresh,
  experimentAggregateRebuild,
} from '../../src/store/write/aggregates/aggregates.ts'
import { feedbackDelete } from '../../src/store/write/feedback.ts'
import { applyEvents } from '../../src/store/write/ingest.ts'
import { traceDeleteMany } from '../../src/store/write/traces.ts'
import { harness, type Harness } from '../support/harness.ts'

const at = (seconds: number) => fromEpochMs(Date.UTC(2026, 0, 1) + seconds * 1000)!
let rounds = 0
/** Events come in another order than that in which they were made: of trace and experiment, the first to be said wins. */
let clock = 0

/** Writes of few things in few places, so that most of them meet. */
const place = fc.constantFrom(0, 1, 2)
const maybe = fc.constantFrom(0, 1, 2, null)
const step = fc.oneof(
  fc.record({
    what: fc.constant('run' as const),
    run: fc.constantFrom(0, 1, 2, 3),
    trace: maybe,
    experiment: maybe,
    isRoot: fc.boolean(),
    seconds: fc.integer({ min: 0, max: 9 }),
    cost: fc.constantFrom(null, '0.5', '0.000001', '2.50'),
    hasEnded: fc.boolean(),
    hasFailed: fc.boolean(),
  }),
  fc.record({
    what: fc.constant('item' as const),
    item: place,
    experiment: place,
    trace: maybe,
    run: maybe,
  }),
  fc.record({
    what: fc.constant('feedback' as const),
    feedback: place,
    run: maybe,
    trace: maybe,
    experiment: maybe,
    score: fc.constantFrom(null, 1, 0.1, -1e6, 1 / 3),
    label: fc.constantFrom(null, 'x', ''),
  }),
  fc.record({ what: fc.constant('trace' as const), trace: place }),
  fc.record({ what: fc.constant('delete feedback' as const), feedback: place }),
  fc.record({ what: fc.constant('delete trace' as const), trace: place }),
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

/** Two workers write at once, while a third keeps the aggregates fresh. */
const history = fc.record({
  first: fc.array(step, { minLength: 1, maxLength: 12 }),
  second: fc.array(step, { minLength: 1, maxLength: 12 }),
})

function world(h: Harness, round: number) {
  const idOf = (kind: string, n: number) => deriveId('rebuild', String(round), kind, String(n))
  const orNull = (kind: string, n: number | null) => (n === null ? null : idOf(kind, n))
  function event<K extends EntityKind>(
    kind: K,
    id: string,
    patch: { [F in keyof Entities[K]]?: Entities[K][F] | null },
  ): IngestEvent {
    const version = eventVersion('update', at((++clock * 7919) % 1009), String(clock))
    return { kind, id, externalId: null, version, patch }
  }

  async function take(given: Step): Promise<void> {
    const { id: tenantId } = h.tenant
    const apply = async (one: IngestEvent) => applyEvents(h.db, tenantId, [one])
    switch (given.what) {
      case 'run':
        await apply(
          event('run', idOf('run', given.run), {
            traceId: orNull('trace', given.trace),
            experimentId: orNull('experiment', given.experiment),
            parentRunId: given.isRoot ? null : idOf('run', 0),
            runType: given.run % 2 === 0 ? 'chain' : 'llm',
            startTime: at(0),
            endTime: given.hasEnded ? at(given.seconds) : null,
            firstTokenTime: given.run === 1 ? at(given.seconds / 2) : null,
            totalTokens: given.seconds,
            totalCost: given.cost,
            error: given.hasFailed ? '"failed"' : null,
          }),
        )
        return
      case 'item':
        await apply(
          event('run_item', idOf('item', given.item), {
            experimentId: idOf('experiment', given.experiment),
            exampleId: idOf('example', 0),
            traceId: orNull('trace', given.trace),
            runId: orNull('run', given.run),
            createdAt: at(0),
          }),
        )
        return
      case 'feedback':
        await apply(
          event('feedback', idOf('feedback', given.feedback), {
            runId: orNull('run', given.run),
            traceId: orNull('trace', given.trace),
            experimentId: orNull('experiment', given.experiment),
            key: 'k',
            scoreNumber: given.score,
            valueText: given.label,
          }),
        )
        return
      case 'trace':
        await apply(event('trace', idOf('trace', given.trace), { name: 'named' }))
        return
      case 'delete feedback':
        await feedbackDelete(h.db, tenantId, idOf('feedback', given.feedback), at(0))
        return
      case 'delete trace':
        await traceDeleteMany(h.db, tenantId, null, [idOf('trace', given.trace)], at(0))
    }
  }
  return { take, experiments: [0, 1, 2].map((n) => idOf('experiment', n)) }
}

const tables = ['experiment_aggregates', 'experiment_sums', 'trace_aggregates']

async function readAll(h: Harness): Promise<unknown> {
  return Promise.all(
    tables.map(
      async (table) => h.db`
      select to_json(t)::text as row from ${h.db(table)} as t where tenant_id = ${h.tenant.id} order by 1`,
    ),
  )
}

async function addExperiments(h: Harness, ids: string[]): Promise<void> {
  for (const id of ids) {
    await h.db`
      insert into experiments (tenant_id, id, name, name_scope, start_time, created_at, updated_at)
      values (${h.tenant.id}, ${id}, ${id}, ${id}, now(), now(), now())`
  }
}

test('I10: after writes of two workers at once, moves and deletions, the aggregates equal those rebuilt from nothing, to the byte', {
  timeout: 120_000,
}, async () => {
  const h = await harness()
  await fc.assert(
    fc.asyncProperty(history, async ({ first, second }) => {
      const { take, experiments } = world(h, rounds++)
      await addExperiments(h, experiments)
      const isWriting = { value: true }
      // Deletions and writes of one trace may deadlock. Workers try again, too.
      const untilTaken = async (each: Step): Promise<void> => {
        await take(each).catch(async (error: unknown) => {
          if (!isRetryable(error)) throw error
          await untilTaken(each)
        })
      }
      const write = async (steps: Step[]) => {
        for (const each of steps) await untilTaken(each)
      }
      const refresh = async () => {
        while (isWriting.value) await aggregateRefresh(h.db, h.tenant.id)
      }
      const refreshed = refresh()
      await Promise.all([write(first), write(second)]).finally(() => (isWriting.value = false))
      await refreshed
      while (await aggregateRefresh(h.db, h.tenant.id));
      // An experiment that nothing has counted in yet has no row.
      for (const id of experiments) {
        await h.db`
          insert into experiment_aggregates (tenant_id, experiment_id, item_count, run_count, error_count, streaming_count,
            feedback_stats, experiment_feedback_stats, activity_items, is_built)
          values (${h.tenant.id}, ${id}, 0, 0, 0, 0, '{}', '{}', 0, true) on conflict do nothing`
      }
      const kept = await readAll(h)
      for (const id of experiments) await experimentAggregateRebuild(h.db, h.tenant.id, id)
      expect(await readAll(h)).toEqual(kept)

      const query = { tenantId: h.tenant.id, experimentIds: experiments }
      // What a comparison reads of an execution is what its rows say.
      const executions = await runComposed<{ found: string; kept: string }>(
        h.db,
        h.tenant.id,
        sql`
-- name: execution_list_found
-- What is kept of executions, and what their rows say. Reads only.
select ${executionSql(sql`(element ->> 1)::uuid`)} - 9 as found, element as kept
from trace_aggregates as held
cross join lateral jsonb_array_elements(held.executions) as element
where held.tenant_id = ${tenant} and jsonb_array_length(element) > 2`,
      )
      for (const { found, kept: stored } of executions) expect(stored).toEqual(found)
      const missing = await runComposed(
        h.db,
        h.tenant.id,
        sql`
-- name: execution_list_missing
-- The executions that are not kept. Reads only.
select item.id from run_items as item
where item.tenant_id = ${tenant} and item.example_id is not null
  and ${executionSql(sql`item.id`)} is not null and not exists (
    select from trace_aggregates as held
    cross join lateral jsonb_array_elements(held.executions) as element
    where held.tenant_id = ${tenant} and held.trace_id = coalesce(item.trace_id, item.id)
      and held.experiment_id = item.experiment_id and element ->> 1 = item.id::text
  )`,
      )
      expect(missing).toEqual([])

      const counted = await executionListStats(h.db, query)
      const since = await executionReadStats(h.db, { ...query, minStartTime: at(0) })
      const stored = await h.db`
        select experiment_id, run_count, error_count, streaming_count, latency_p50, latency_p99, first_token_p50,
          first_token_p99, total_tokens, last_run_start_time
        from experiment_aggregates where tenant_id = ${h.tenant.id} and experiment_id = any (${experiments}) and not exists (
          -- A run that is linked with another trace than its own counts in that trace alone.
          select from run_items as item
          where item.tenant_id = ${h.tenant.id} and item.experiment_id = experiment_aggregates.experiment_id
            and item.run_id is not null and not exists (
            select from runs where runs.tenant_id = ${h.tenant.id} and runs.id = item.run_id and runs.trace_id = item.trace_id
          )
        )`
      for (const row of stored) {
        expect(counted.get(row.experimentId as string)).toMatchObject(row)
        expect(since.get(row.experimentId as string)).toMatchObject(row)
      }
    }),
    { numRuns: 25 },
  )
})
