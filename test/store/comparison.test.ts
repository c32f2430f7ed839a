import { randomBytes, randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Filter } from '../../src/domain/filter.ts'
import type { Db } from '../../src/store/pool.ts'
import { closePool, openPool } from '../../src/store/pool.ts'
import type { ComparisonQuery } from '../../src/store/read/comparison/comparison-query.ts'
import {
  comparisonPages,
  type ComparisonRange,
  type ComparisonRow,
} from '../../src/store/read/comparison/comparison.ts'
import { applyEvents } from '../../src/store/write/ingest.ts'
import { comparisonRows, feedbackOn, rootRun, second } from '../support/comparison-rows.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { insertTenant } from '../support/tenant.ts'

let database: TestDatabase
let db: Db
let tenantId: string
let datasetId: string
let experimentId: string
let make: ReturnType<typeof comparisonRows>

beforeEach(async () => {
  database = await createTestDatabase()
  // With a single connection, its own statistics cover everything.
  db = openPool(database.url, { max: 1 })
  tenantId = (await insertTenant(db)).id
  make = comparisonRows(db, tenantId)
  datasetId = await make.dataset()
  experimentId = await make.experiment(datasetId)
})

afterEach(async () => {
  await closePool(db)
  await database.drop()
})

function queryOf(more: Partial<ComparisonQuery> = {}): ComparisonQuery {
  return {
    tenantId,
    datasetId,
    experimentIds: [experimentId],
    exampleIds: null,
    filters: new Map(),
    sort: null,
    comparativeExperimentId: null,
    ...more,
  }
}

async function exampleIds(
  query: ComparisonQuery,
  range: Partial<ComparisonRange> = {},
  onPage: (page: number) => Promise<unknown> = async () => {},
): Promise<string[]> {
  const ids: string[] = []
  let page = 0
  const whole = { offset: 0, limit: null, isPreview: false, detail: 'none', ...range } as const
  for await (const rows of comparisonPages(db, query, whole)) {
    ids.push(...rows.map((row) => row.example.id))
    await onPage(page++)
  }
  return ids
}

describe('bodies', () => {
  test('a preview reads nothing that is stored outside the rows', async () => {
    const exampleId = await make.example(datasetId)
    // Random text, because text that compresses would be stored in the row itself.
    const body = JSON.stringify({ text: randomBytes(200_000).toString('base64') })
    const run = rootRun(experimentId, exampleId, {
      inputs: body,
      outputs: body,
      inputsPreview: 'p',
    })
    await applyEvents(db, tenantId, [run])

    const toastBlocks = async () => {
      await db`select pg_stat_force_next_flush()`
      const [row] = await db<{ blocks: number }[]>`
        select toast_blks_read + toast_blks_hit as blocks from pg_statio_user_tables where relname = 'runs'`
      return row!.blocks
    }
    const before = await toastBlocks()
    await exampleIds(queryOf(), { isPreview: true })
    expect(await toastBlocks()).toBe(before)
    await exampleIds(queryOf())
    expect(await toastBlocks()).toBeGreaterThan(before + 2)
  })
})

describe('reading everything', () => {
  const count = 10_150

  /** Makes links without runs, because only the order of examples is tested. Some have the same time. */
  async function manyExamples(): Promise<string[]> {
    const rows = await db<{ id: string }[]>`
      insert into examples (tenant_id, id, dataset_id, valid_from, created_at)
      select ${tenantId}, gen_random_uuid(), ${datasetId}, ${second(0)}, ${second(0)}::timestamptz + n % 7 * interval '1 s'
      from generate_series(1, ${count}::int) as n
      returning id`
    const ids = rows.map((row) => row.id)
    await db`
      insert into run_items (tenant_id, id, v, m, experiment_id, dataset_id, example_id, trace_id, created_at)
      select ${tenantId}, gen_random_uuid(), 1, 0, ${experimentId}, ${datasetId}, id, gen_random_uuid(), ${second(0)}
      from unnest(${ids}::uuid[]) as id`
    return ids
  }

  test('continues after the last example, whatever is written meanwhile', async () => {
    const made = await manyExamples()
    const seen = await exampleIds(queryOf(), {}, async (page) => {
      if (page !== 3) return
      const newer = await make.example(datasetId, { createdAt: second(100) })
      await applyEvents(db, tenantId, [rootRun(experimentId, newer)])
    })
    expect(seen.toSorted()).toEqual(made.toSorted())
  })

  test.each(['asc', 'desc'] as const)(
    'sorted %s it has the order of one statement',
    async (order) => {
      await manyExamples()
      // Every third example has a score, one of four values, so that most of them tie.
      await db`
      insert into feedback (tenant_id, id, v, m, trace_id, key, score_number)
      select ${tenantId}, gen_random_uuid(), 1, 0, trace_id, 'k', (n % 4) / 10.0 - 0.1
      from (select trace_id, row_number() over (order by id) as n from run_items) as item
      where n % 3 = 0`
      const expected = await db<{ id: string }[]>`
      select examples.id
      from examples
      join run_items on run_items.tenant_id = examples.tenant_id and run_items.example_id = examples.id
      left join feedback on feedback.tenant_id = run_items.tenant_id and feedback.trace_id = run_items.trace_id
      where examples.tenant_id = ${tenantId}
      order by ${order === 'asc' ? db`score_number asc nulls last` : db`score_number desc nulls last`},
        examples.created_at desc, examples.id`
      const seen = await exampleIds(queryOf({ sort: { feedbackKey: 'k', order } }))
      expect(seen).toEqual(expected.map((row) => row.id))
    },
  )

  test('a limit and an offset select from the same order', async () => {
    await manyExamples()
    const all = await exampleIds(queryOf())
    expect(await exampleIds(queryOf(), { offset: 90, limit: 10_050 })).toEqual(
      all.slice(90, 10_140),
    )
  })
})

describe('tables that were just filled', () => {
  test('are searched once per item by filter and sort, though the planner knows nothing of them', async () => {
    for (const table of ['runs', 'traces', 'run_items', 'feedback']) {
      await db.unsafe(`alter table ${table} set (autovacuum_enabled = off)`)
    }
    const count = 3000
    const made = await Promise.all(Array.from({ length: count }, () => make.example(datasetId)))
    const runs = made.map((exampleId) => rootRun(experimentId, exampleId))
    const scores = runs.map((run, i) =>
      i % 2 === 0 ? feedbackOn(run, 'k', i) : feedbackOn(null, 'k', i, { traceId: run.id }),
    )
    await applyEvents(db, tenantId, [...runs, ...scores])
    const reads = async () => {
      await db`select pg_stat_force_next_flush()`
      const [row] = await db<{ n: string }[]>`
        select sum(idx_tup_fetch + seq_tup_read) as n from pg_stat_user_tables
        where relname in ('runs', 'traces', 'run_items', 'feedback')`
      return Number(row!.n)
    }
    const pair: Filter = {
      kind: 'and',
      terms: [
        { kind: 'condition', attribute: 'feedback_key', operator: 'eq', value: 'k' },
        { kind: 'condition', attribute: 'feedback_score', operator: 'gte', value: 0 },
      ],
    }
    const before = await reads()
    const query = queryOf({
      filters: new Map([[experimentId, pair]]),
      sort: { feedbackKey: 'k', order: 'desc' },
    })
    expect(await exampleIds(query)).toEqual(made.toReversed())
    // Items, traces, runs and feedback are read to filter, to sort, and to show. One scan per item would read 9 million
    // rows.
    expect((await reads()) - before).toBeLessThan(count * 100)
  })
})

describe('tenants', () => {
  test('rows with the same ids in another tenant change nothing', async () => {
    const exampleId = await make.example(datasetId)
    const run = rootRun(experimentId, exampleId, { name: 'mine' })
    const stranger = (await insertTenant(db)).id
    const theirs = { ...run, patch: { ...run.patch, name: 'theirs' } }
    const feedback = feedbackOn(run, 'k', 5)
    await applyEvents(db, tenantId, [run])
    await applyEvents(db, stranger, [theirs, feedback])
    const pages = comparisonPages(db, queryOf(), {
      offset: 0,
      limit: null,
      isPreview: false,
      detail: 'all',
    })
    const rows: ComparisonRow[] = []
    for await (const page of pages) rows.push(...page)
    expect(rows).toHaveLength(1)
    expect(rows[0]!.runs).toMatchObject([
      { run: { name: 'mine', feedbackStats: null }, feedback: [] },
    ])
    const unknown = queryOf({ tenantId: randomUUID() })
    expect(await exampleIds(unknown)).toEqual([])
  })
})
