import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { FilterOperator, FilterValue, RunAttribute, Filter } from '../../src/domain/filter.ts'
import { closePool, openPool, type Db } from '../../src/store/pool.ts'
import { exampleFilterSql } from '../../src/store/read/datasets/example-filter.ts'
import { experimentFilterSql } from '../../src/store/read/experiments/experiment-filter.ts'
import { runFilterSql } from '../../src/store/read/runs/run-filter.ts'
import { runComposed, tenant as ofTenant, type Parameter } from '../../src/store/statements.ts'
import sql, { raw } from 'sql-template-tag'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { arbitraryRunFilter } from '../support/arbitrary/run-filter-arbitrary.ts'
import {
  evaluateRunFilter,
  type StoredFeedback,
  type StoredRun,
} from '../support/arbitrary/run-filter-evaluate.ts'

const tenant = '00000000-0000-4000-8000-00000000000a'
const stranger = '00000000-0000-4000-8000-00000000000b'

let database: TestDatabase
let db: Db

beforeAll(async () => {
  database = await createTestDatabase()
  db = openPool(database.url)
  for (const id of [tenant, stranger]) {
    await db.unsafe('insert into tenants (id, name, created_at) values ($1, $2, now())', [id, id])
  }
})

afterAll(async () => {
  await closePool(db)
  await database.drop()
})

beforeEach(async () => {
  for (const table of ['runs', 'traces', 'feedback', 'examples', 'datasets', 'experiments']) {
    await db.unsafe(`delete from ${table}`)
  }
})

/** Makes an id of one repeated digit: `id(3)`. */
function id(n: number): string {
  return `${String(n).repeat(8)}-0000-4000-8000-000000000000`
}

async function insert(table: string, rows: Record<string, Parameter>[]): Promise<void> {
  if (rows.length === 0) return
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const parameters = rows.flatMap((row) => names.map((name) => row[name] ?? null))
  const values = rows.map(
    (_, row) => `(${names.map((_, column) => `$${row * names.length + column + 1}`).join(', ')})`,
  )
  await db.unsafe(
    `insert into ${table} (${names.join(', ')}) values ${values.join(', ')}`,
    parameters,
  )
}

function insertRun(row: Record<string, Parameter>): Promise<void> {
  return insert('runs', [{ tenant_id: tenant, v: '1', m: '0', ...row }])
}

function insertFeedback(row: Record<string, Parameter>): Promise<void> {
  const { id: feedbackId = crypto.randomUUID(), ...rest } = row
  return insert('feedback', [{ tenant_id: tenant, id: feedbackId, v: '1', m: '0', ...rest }])
}

type Compile = typeof runFilterSql

/** Returns the ids of the tenant's rows that a filter finds. */
async function find(filter: Filter, table = 'runs', compile: Compile = runFilterSql) {
  const statement = sql`
-- name: test_find
select x.id from ${raw(table)} x where x.tenant_id = ${ofTenant} and ${compile(filter, 'x')} order by x.id`
  const rows = await runComposed<{ id: string }>(db, tenant, statement, { isPrepared: false })
  return rows.map((row) => row.id)
}

function is(attribute: RunAttribute, operator: FilterOperator, value: FilterValue): Filter {
  return { kind: 'condition', attribute, operator, value }
}

function and(...terms: Filter[]): Filter {
  return { kind: 'and', terms }
}

function not(term: Filter): Filter {
  return { kind: 'not', term }
}

function search(text: string): Filter {
  return { kind: 'search', text }
}

describe('pairing', () => {
  beforeEach(async () => {
    await insertRun({ id: id(1), trace_id: id(1), metadata: '{"k": "v", "other": "w"}' })
    await insertRun({ id: id(2), trace_id: id(1), parent_run_id: id(1), metadata: '{"k": "w"}' })
    await insertRun({ id: id(3), trace_id: id(3), metadata: '{"other": "v"}' })
    await insertFeedback({ run_id: id(1), key: 'a', score: '1', score_number: 1 })
    await insertFeedback({ run_id: id(1), key: 'b', score: '0', score_number: 0 })
    await insertFeedback({ run_id: id(2), key: 'b', score: 'true', score_number: 1 })
  })

  test('a key and a value in one `and` are about one metadata entry', async () => {
    const pair = and(is('metadata_key', 'eq', 'k'), is('metadata_value', 'eq', 'v'))
    expect(await find(pair)).toEqual([id(1)])
    expect(await find(is('metadata_value', 'eq', 'v'))).toEqual([id(1), id(3)])
  })

  test('a key and a score in one `and` are about one piece of feedback', async () => {
    expect(await find(and(is('feedback_key', 'eq', 'b'), is('feedback_score', 'gt', 0.5)))).toEqual(
      [id(2)],
    )
  })

  test('each nested `and` is a pair of its own', async () => {
    const both = and(
      and(is('feedback_key', 'eq', 'a'), is('feedback_score', 'eq', 1)),
      and(is('feedback_key', 'eq', 'b'), is('feedback_score', 'eq', 0)),
    )
    expect(await find(both)).toEqual([id(1)])
    const flat = and(is('feedback_key', 'eq', 'a'), is('feedback_key', 'eq', 'b'))
    expect(await find(flat)).toEqual([])
  })

  test('neq of a key alone means that there is no such key at all', async () => {
    expect(await find(is('metadata_key', 'neq', 'k'))).toEqual([id(3)])
    expect(await find(is('feedback_key', 'neq', 'a'))).toEqual([id(2), id(3)])
    const neither = and(is('feedback_key', 'neq', 'a'), is('feedback_key', 'neq', 'b'))
    expect(await find(neither)).toEqual([id(3)])
  })

  test('neq of a value in a pair means that key with another value', async () => {
    expect(
      await find(and(is('metadata_key', 'eq', 'k'), is('metadata_value', 'neq', 'v'))),
    ).toEqual([id(2)])
    expect(await find(and(is('feedback_key', 'eq', 'b'), is('feedback_score', 'neq', 1)))).toEqual([
      id(1),
    ])
  })

  test('families do not mix', async () => {
    const mixed = and(
      is('metadata_key', 'eq', 'k'),
      is('feedback_key', 'eq', 'a'),
      is('metadata_value', 'eq', 'v'),
      is('feedback_score', 'eq', 1),
    )
    expect(await find(mixed)).toEqual([id(1)])
  })
})

describe('feedback of a run', () => {
  test('on the trace counts for the root run only', async () => {
    await insertRun({ id: id(1), trace_id: id(9) })
    await insertRun({ id: id(2), trace_id: id(9), parent_run_id: id(1) })
    await insertFeedback({ trace_id: id(9), key: 'a' })
    expect(await find(is('feedback_key', 'eq', 'a'))).toEqual([id(1)])
  })

  test('of a comparison or of another tenant does not count', async () => {
    await insertRun({ id: id(1), trace_id: id(1) })
    await insertFeedback({ run_id: id(1), key: 'a', comparative_experiment_id: id(5) })
    await insertFeedback({ tenant_id: stranger, run_id: id(1), key: 'a' })
    await insertFeedback({ tenant_id: stranger, trace_id: id(1), key: 'a' })
    expect(await find(is('feedback_key', 'eq', 'a'))).toEqual([])
    expect(await find(is('feedback_key', 'neq', 'a'))).toEqual([id(1)])
  })

  test('that is not numeric matches by its text, and JSON null matches nothing', async () => {
    await insertRun({ id: id(1), trace_id: id(1) })
    await insertFeedback({ run_id: id(1), key: 'a', value: '"good"', value_text: 'good' })
    await insertFeedback({ run_id: id(1), key: 'b', value: '{"x":1}' })
    await insertFeedback({ run_id: id(1), key: 'c', value: 'null' })
    await insertFeedback({ run_id: id(1), key: 'd', value: '7.0' })
    const having = (key: string, operator: FilterOperator, value: FilterValue) =>
      find(and(is('feedback_key', 'eq', key), is('feedback_value', operator, value)))
    expect(await having('a', 'eq', 'good')).toEqual([id(1)])
    expect(await having('b', 'contains', '"x":1')).toEqual([id(1)])
    expect(await having('c', 'eq', null)).toEqual([id(1)])
    expect(await having('c', 'eq', 'null')).toEqual([])
    expect(await having('d', 'eq', 7)).toEqual([id(1)])
    expect(await having('a', 'gt', 0)).toEqual([])
  })
})

describe('roots', () => {
  beforeEach(async () => {
    await insert('traces', [
      {
        tenant_id: tenant,
        id: id(1),
        v: '1',
        m: '0',
        root_run_id: id(1),
        total_tokens: 30,
        total_cost: '0.000001',
      },
      { tenant_id: stranger, id: id(3), v: '1', m: '0', root_run_id: id(3), total_tokens: 30 },
    ])
    await insertRun({ id: id(1), trace_id: id(1), total_tokens: 1 })
    await insertRun({ id: id(2), trace_id: id(1), parent_run_id: id(1), total_tokens: 30 })
    await insertRun({ id: id(3), trace_id: id(3), total_tokens: 1 })
    await insertRun({ id: id(4), total_tokens: 5 })
  })

  test('have the tokens and costs of their trace, never those of another tenant', async () => {
    expect(await find(is('total_tokens', 'eq', 30))).toEqual([id(1), id(2)])
    expect(await find(is('total_cost', 'lte', 1e-6))).toEqual([id(1)])
  })

  test('have no parent and a known trace', async () => {
    expect(await find(is('is_root', 'eq', true))).toEqual([id(1), id(3)])
    expect(await find(is('is_root', 'eq', false))).toEqual([id(2), id(4)])
  })
})

describe('payloads', () => {
  const awkward = String.raw`{"a": "x\u0000y \ud800 na\u00efve \"quoted\" 100%_"}`

  test('with NUL and lone surrogates can be searched', async () => {
    await insertRun({
      id: id(1),
      trace_id: id(1),
      inputs: awkward,
      outputs: awkward,
      error: awkward,
    })
    for (const attribute of ['inputs', 'outputs', 'error'] as const) {
      for (const operator of ['search', 'contains', 'like'] as const) {
        const value = operator === 'like' ? '%quoted%' : 'quoted'
        expect(await find(is(attribute, operator, value))).toEqual([id(1)])
      }
    }
    expect(await find(search('QUOTED'))).toEqual([id(1)])
    expect(await find(search('elsewhere'))).toEqual([])
  })

  test('are found by words that the client escaped, quotes and non-ASCII', async () => {
    await insertRun({ id: id(1), trace_id: id(1), inputs: awkward })
    expect(await find(search('"quoted"'))).toEqual([id(1)])
    expect(await find(search('naïve'))).toEqual([id(1)])
    expect(await find(is('inputs', 'contains', 'naïve'))).toEqual([id(1)])
  })

  test('wildcards in a search stand for themselves', async () => {
    await insertRun({ id: id(1), trace_id: id(1), inputs: awkward, name: '100%_' })
    await insertRun({ id: id(2), trace_id: id(2), inputs: '{"a":"100 ab"}', name: '100 ab' })
    expect(await find(search('100%_'))).toEqual([id(1)])
    expect(await find(is('name', 'search', '%'))).toEqual([id(1)])
    expect(await find(is('name', 'like', '100%'))).toEqual([id(1), id(2)])
  })

  test('have entries, including those of inner objects, that pair a key with a value', async () => {
    const outputs = String.raw`{"a": "x\u0000", "b": {"c": 5, "d": ["e"]}, "\ud800": "\\ud800\udc00"}`
    await insertRun({ id: id(1), trace_id: id(1), outputs })
    await insertRun({ id: id(2), trace_id: id(2), outputs: '["b.c"]' })
    await insertRun({ id: id(3), trace_id: id(3), outputs: '{"b.c": 4, "x": 5}' })
    const having = (key: string, operator: FilterOperator, value: FilterValue) =>
      find(and(is('output_key', 'eq', key), is('output_value', operator, value)))
    expect(await having('b.c', 'eq', 5)).toEqual([id(1)])
    expect(await having('b.c', 'lt', 5)).toEqual([id(3)])
    expect(await having('a', 'like', 'x_')).toEqual([id(1)])
    expect(await having('b.d', 'eq', '["e"]')).toEqual([id(1)])
    expect(await find(is('output_key', 'neq', 'b.c'))).toEqual([id(2)])
    expect(await find(is('input_key', 'eq', 'a'))).toEqual([])
  })

  test('have entries down to 16 levels', async () => {
    const inputs = `${'{"a":'.repeat(500)}1${'}'.repeat(500)}`
    await insertRun({ id: id(1), trace_id: id(1), inputs })
    const path = (levels: number) => Array.from({ length: levels }, () => 'a').join('.')
    expect(await find(is('input_key', 'eq', path(16)))).toEqual([id(1)])
    expect(await find(is('input_key', 'eq', path(17)))).toEqual([])
  })

  test('are found by their preview', async () => {
    await insertRun({
      id: id(1),
      trace_id: id(1),
      inputs: '"\\ud83d\\ude00"',
      inputs_preview: '😀',
    })
    expect(await find(is('inputs', 'search', '😀'))).toEqual([id(1)])
  })
})

describe('attributes', () => {
  test('the status is success, error or pending', async () => {
    await insertRun({ id: id(1), end_time: '2026-01-01T00:00:00Z', error: '""' })
    await insertRun({ id: id(2), end_time: '2026-01-01T00:00:00Z', error: '"boom"' })
    await insertRun({ id: id(3), error: 'null', outputs: '{}' })
    expect(await find(is('status', 'eq', 'success'))).toEqual([id(1)])
    expect(await find(is('error', 'eq', true))).toEqual([id(2)])
    expect(await find(is('error', 'neq', true))).toEqual([id(1), id(3)])
    expect(await find(is('status', 'in', ['error', 'pending']))).toEqual([id(2), id(3)])
  })

  test('the latency is in seconds, to the microsecond, and pending runs have none', async () => {
    const start = '2026-01-01T00:00:00.000000Z'
    await insertRun({ id: id(1), start_time: start, end_time: '2026-01-01T00:00:05.000001Z' })
    await insertRun({ id: id(2), start_time: start, end_time: '2026-01-02T00:00:05.000000Z' })
    await insertRun({ id: id(3), start_time: start })
    expect(await find(is('latency', 'gt', 5))).toEqual([id(1), id(2)])
    expect(await find(is('latency', 'lte', 5.000001))).toEqual([id(1)])
    expect(await find(is('latency', 'eq', 86_405))).toEqual([id(2)])
    expect(await find(not(is('latency', 'gt', 0)))).toEqual([id(3)])
  })

  test('times are compared to the microsecond', async () => {
    await insertRun({ id: id(1), start_time: '2026-01-01T00:00:00.000001Z' })
    expect(await find(is('start_time', 'gt', '2026-01-01T00:00:00.000000Z'))).toEqual([id(1)])
    expect(await find(is('start_time', 'gt', '2026-01-01T00:00:00.000001Z'))).toEqual([])
  })

  test('the first token of a root is its own or otherwise that of its trace', async () => {
    const start = '2026-01-01T00:00:00Z'
    await insert('traces', [
      { tenant_id: tenant, id: id(1), v: '1', m: '0', first_token_time: '2026-01-01T00:00:02Z' },
    ])
    await insertRun({ id: id(1), trace_id: id(1), start_time: start })
    await insertRun({ id: id(2), trace_id: id(1), start_time: start, parent_run_id: id(1) })
    expect(await find(is('first_token_latency', 'eq', 2))).toEqual([id(1)])
  })

  test('the reference dataset is that of the example', async () => {
    await insertDataset(id(7))
    await insert('examples', [exampleRow(id(5), id(7))])
    await insertRun({ id: id(1), reference_example_id: id(5) })
    await insertRun({ id: id(2), reference_example_id: id(6) })
    expect(await find(is('reference_dataset_id', 'eq', id(7)))).toEqual([id(1)])
  })

  test('metadata contains nested JSON with numbers as they were sent', async () => {
    await insertRun({ id: id(1), metadata: '{"a": {"b": [1, 12345678901234567891]}, "c": null}' })
    expect(await find(is('metadata', 'has', '{"a": {"b": [12345678901234567891]}}'))).toEqual([
      id(1),
    ])
    expect(await find(is('metadata', 'has', '{"a": {"b": [12345678901234567892]}}'))).toEqual([])
    expect(await find(is('metadata', 'exists', 'c'))).toEqual([id(1)])
  })
})

test('no value of any kind makes the statement fail', async () => {
  await insertRun({
    id: id(1),
    trace_id: id(1),
    metadata: '{"a": "1e99999", "b": 1e400, "c": "٣", "d": ""}',
    tags: ['"', '\\', '{}', ','],
  })
  await insertFeedback({ run_id: id(1), key: 'a', value: '1e999999', score_number: 1.7e308 })
  const texts = ["'; drop table runs --", '$1', '"', '\\', '{"a",null}', '', 'null', '\u{1f600}%_']
  const filters = arbitraryRunFilter({
    ids: fc.uuid(),
    times: fc.constantFrom('0001-01-01T00:00:00.000000Z', '9999-12-31T23:59:59.999999Z'),
    texts: fc.oneof(fc.constantFrom(...texts), fc.string()),
    numbers: fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.constantFrom(5e-324, 1.7976931348623157e308, 2 ** 63),
    ),
    objects: fc.constantFrom('{}', '{"a": 1e999}', String.raw`{"\ufffd": "\\"}`),
  })
  await fc.assert(
    fc.asyncProperty(filters, async (filter) => {
      const found = await find(filter)
      expect((await find(not(filter))).length).toBe(1 - found.length)
    }),
    { numRuns: 100 },
  )
  expect(await find(is('tags', 'in', ['\\']))).toEqual([id(1)])
})

test('a list may hold more values than a statement has parameters', async () => {
  await insertRun({ id: id(1), total_tokens: 5, metadata: '{"a": 69999}' })
  const values = Array.from({ length: 70_000 }, (_, n) => n)
  expect(await find(is('total_tokens', 'in', values))).toEqual([id(1)])
  expect(await find(is('metadata_value', 'in', values))).toEqual([id(1)])
})

describe('rows other than runs', () => {
  test('examples are filtered by their metadata, splits included', async () => {
    await insertDataset(id(7))
    await insert('examples', [
      { ...exampleRow(id(1), id(7)), metadata: '{"foo": "bar"}', splits: ['base', 'test'] },
      { ...exampleRow(id(2), id(7)), metadata: '{"foo": "baz"}' },
      exampleRow(id(3), id(7)),
    ])
    const examples = (filter: Filter) => find(filter, 'examples', exampleFilterSql)
    expect(await examples(is('metadata', 'has', '{"foo": "bar"}'))).toEqual([id(1)])
    expect(await examples(not(is('metadata', 'has', '{"foo": "bar"}')))).toEqual([id(2), id(3)])
    expect(await examples(is('metadata', 'has', '{"dataset_split": ["test"]}'))).toEqual([id(1)])
    expect(await examples(is('metadata', 'exists', 'foo'))).toEqual([id(1), id(2)])
    expect(
      await examples(and(is('metadata_key', 'eq', 'foo'), is('metadata_value', 'eq', 'baz'))),
    ).toEqual([id(2)])
  })

  test('experiments are filtered by name, times, dataset and metadata', async () => {
    const experiment = { tenant_id: tenant, name_scope: id(7), start_time: '2026-01-01T00:00:00Z' }
    const made = { created_at: '2026-01-01T00:00:00Z', updated_at: '2026-01-01T00:00:00Z' }
    await insert('experiments', [
      { ...experiment, ...made, id: id(1), name: 'a-1', dataset_id: id(7), metadata: '{"m": "x"}' },
      { ...experiment, ...made, id: id(2), name: 'b-1', metadata: '{}' },
    ])
    const experiments = (filter: Filter) => find(filter, 'experiments', experimentFilterSql)
    expect(await experiments(is('name', 'like', 'a-%'))).toEqual([id(1)])
    expect(await experiments(is('metadata', 'has', '{"m": "x"}'))).toEqual([id(1)])
    expect(await experiments(is('reference_dataset_id', 'neq', id(7)))).toEqual([id(2)])
    expect(await experiments(is('start_time', 'lt', '2026-01-01T00:00:00.000001Z'))).toHaveLength(2)
  })

  test('an attribute that they lack is an error of the caller', () => {
    expect(() => exampleFilterSql(is('name', 'eq', 'a'), 'x')).toThrow(TypeError)
    expect(() => experimentFilterSql(is('run_type', 'eq', 'chain'), 'x')).toThrow(TypeError)
  })
})

test('SQL and plain evaluation find the same runs, and not() finds all others', async () => {
  const pools = {
    ids: fc.constantFrom(id(1), id(2), id(3)),
    times: fc.constantFrom(
      '2026-01-01T00:00:00.000000Z',
      '2026-01-01T00:00:00.500000Z',
      '2026-01-01T00:00:05.000000Z',
    ),
    texts: fc.constantFrom(
      'a',
      'a.b',
      'b',
      'A b',
      '50%',
      'x_y',
      'q"t',
      'é',
      '\\',
      '1',
      'true',
      'error',
      '',
    ),
    numbers: fc.constantFrom(0, 1, 0.5, 5),
    objects: fc.constantFrom('{}', '{"a": "b"}', '{"a": 1}', '{"b": null, "a": 1}', '{"a": true}'),
  }
  const world = fc.record({
    runs: fc.array(arbitraryRun(pools), { minLength: 8, maxLength: 12 }),
    traces: fc.array(fc.record({ ...arbitraryNumbers(), firstTokenTime: maybe(pools.times) }), {
      maxLength: 3,
    }),
    feedback: fc.array(arbitraryFeedback(pools), { maxLength: 10 }),
    filters: fc.array(arbitraryRunFilter(pools), { minLength: 20, maxLength: 20 }),
  })
  await fc.assert(
    fc.asyncProperty(world, async ({ runs: drawn, traces: drawnTraces, feedback, filters }) => {
      const traces = drawnTraces.map((trace, n) => {
        const root = drawn.findIndex(
          ({ parent, traceId }) => parent === null && traceId === id(n + 1),
        )
        return { ...trace, rootRunId: root === -1 ? null : runId(root) }
      })
      const runs = drawn.map((run, n) => ({
        ...run,
        id: runId(n),
        parentRunId: run.parent === null ? null : runId(run.parent),
        rootIds: drawn.flatMap(({ parent, traceId }, m) =>
          parent === null && traceId !== null && traceId === run.traceId ? [runId(m)] : [],
        ),
        trace: traces[[1, 2, 3].findIndex((trace) => id(trace) === run.traceId)] ?? null,
      }))
      await store(runs, traces, feedback)
      for (const filter of filters) {
        const expected = runs.filter((run) => evaluateRunFilter(filter, run, feedback))
        expect(await find(filter)).toEqual(expected.map((run) => run.id))
        expect((await find(not(filter))).length).toBe(runs.length - expected.length)
      }
    }),
    { numRuns: 25 },
  )
})

/** Ids that sort like their numbers. The first three are among those that filters ask for. */
function runId(n: number): string {
  return n < 3 ? id(n + 1) : `${'9'.repeat(8)}-0000-4000-8000-${String(n).padStart(12, '0')}`
}

function maybe<T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> {
  return fc.option(value, { freq: 3 })
}

function arbitraryNumbers() {
  return {
    tokens: maybe(fc.constantFrom(0, 1, 5)),
    cost: maybe(fc.constantFrom(0, 0.5, 1)),
  }
}

type Pools = Parameters<typeof arbitraryRunFilter>[0]

function arbitraryRun({ ids, times, texts }: Pools) {
  const json = maybe(
    fc.oneof(
      texts.map((text) => JSON.stringify({ a: text })),
      texts.map((text) => JSON.stringify(text).replaceAll('é', '\\u00e9')),
      fc.constantFrom('null', 'false', '""', '{"a":[1,true]}', '{"a":{"b":1},"b":null}'),
    ),
  )
  return fc.record({
    parent: maybe(fc.nat({ max: 7 })),
    traceId: maybe(ids),
    experimentId: maybe(ids),
    referenceExampleId: fc.constant(null),
    datasetId: fc.constant(null),
    name: maybe(texts),
    runType: maybe(texts),
    level: maybe(fc.constantFrom('ERROR', 'DEFAULT')),
    threadId: maybe(texts),
    startTime: maybe(times),
    endTime: maybe(times),
    firstTokenTime: maybe(times),
    inputs: json,
    inputsPreview: maybe(texts),
    outputs: json,
    outputsPreview: maybe(texts),
    error: json,
    tags: maybe(fc.array(texts, { maxLength: 3 })),
    metadata: maybe(
      fc.dictionary(
        fc.constantFrom('a', 'b', '1', ''),
        fc.oneof(texts, fc.constantFrom(1, 0.5, true, null)),
        {
          maxKeys: 3,
          noNullPrototype: true,
        },
      ),
    ),
    ...arbitraryNumbers(),
  })
}

function arbitraryFeedback({ ids, texts, numbers }: Pools): fc.Arbitrary<StoredFeedback> {
  return fc.record({
    runId: maybe(ids),
    traceId: maybe(ids),
    key: maybe(texts),
    score: maybe(numbers),
    value: maybe(
      fc.oneof(
        texts.map((text) => JSON.stringify(text)),
        fc.constantFrom('1', '0.5', 'true', 'null'),
      ),
    ),
    comment: maybe(texts),
    source: maybe(texts),
    comparative: fc.constantFrom(false, false, false, true),
  })
}

async function store(
  runs: readonly StoredRun[],
  traces: readonly NonNullable<StoredRun['trace']>[],
  feedback: readonly StoredFeedback[],
): Promise<void> {
  for (const table of ['runs', 'traces', 'feedback']) await db.unsafe(`delete from ${table}`)
  const row = { tenant_id: tenant, v: '1', m: '0' }
  await insert(
    'traces',
    traces.map((trace, n) => ({
      ...row,
      id: id(n + 1),
      root_run_id: trace.rootRunId,
      first_token_time: trace.firstTokenTime,
      ...spread(trace),
    })),
  )
  await insert(
    'runs',
    runs.map((run) => ({
      ...row,
      id: run.id,
      trace_id: run.traceId,
      parent_run_id: run.parentRunId,
      experiment_id: run.experimentId,
      name: run.name,
      run_type: run.runType,
      level: run.level,
      thread_id: run.threadId,
      start_time: run.startTime,
      end_time: run.endTime,
      first_token_time: run.firstTokenTime,
      inputs: run.inputs,
      inputs_preview: run.inputsPreview,
      outputs: run.outputs,
      outputs_preview: run.outputsPreview,
      error: run.error,
      tags: run.tags,
      metadata: run.metadata === null ? null : JSON.stringify(run.metadata),
      ...spread(run),
    })),
  )
  await insert(
    'feedback',
    feedback.map((one) => ({
      ...row,
      id: crypto.randomUUID(),
      run_id: one.runId,
      trace_id: one.traceId,
      key: one.key,
      score_number: one.score,
      value: one.value,
      value_text: one.value?.startsWith('"') ? (JSON.parse(one.value) as string) : null,
      comment: one.comment,
      source_type: one.source,
      comparative_experiment_id: one.comparative ? id(1) : null,
    })),
  )
}

function spread({ tokens, cost }: { tokens: number | null; cost: number | null }) {
  return {
    prompt_tokens: tokens,
    completion_tokens: tokens,
    total_tokens: tokens,
    prompt_cost: cost,
    completion_cost: cost,
    total_cost: cost,
  }
}

async function insertDataset(datasetId: string): Promise<void> {
  const at = '2026-01-01T00:00:00Z'
  await insert('datasets', [
    { tenant_id: tenant, id: datasetId, name: 'd', created_at: at, updated_at: at, version_at: at },
  ])
}

function exampleRow(exampleId: string, datasetId: string): Record<string, Parameter> {
  const at = '2026-01-01T00:00:00Z'
  return {
    tenant_id: tenant,
    id: exampleId,
    dataset_id: datasetId,
    valid_from: at,
    valid_to: 'infinity',
    created_at: at,
    metadata: null,
    splits: ['base'],
  }
}
