import { parseArgs } from 'node:util'
import { createHash, randomUUID } from 'node:crypto'
import type { Db } from '../src/store/pool.ts'
import type { ComparisonQuery } from '../src/store/read/comparison/comparison-query.ts'
import { comparisonPages } from '../src/store/read/comparison/comparison.ts'
import { withApi } from './api/api-in-process.ts'
import { withFreshStore } from './fresh-store.ts'

/*
 * POST /datasets/{id}/runs against its bare SQL: the same statements through the same driver, rows thrown away. One
 * tenant holds all runs; the compared experiments are a small part of them (architecture.md 10: flat with table size).
 * Database of its own in a temporary folder, or --database-url (an empty database; it is left filled).
 *
 *   npm run bench -- comparison [--runs 100000] [--examples 100] [--experiments 3] [--repeats 50] [--smoke]
 */

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '100000' },
    examples: { type: 'string', default: '100' },
    experiments: { type: 'string', default: '3' },
    repeats: { type: 'string', default: '50' },
    'database-url': { type: 'string' },
    smoke: { type: 'boolean', default: false },
  },
})
const runsPerTrace = 4
const sizes = {
  runs: values.smoke ? 4000 : Number(values.runs),
  examples: values.smoke ? 20 : Number(values.examples),
  experiments: Number(values.experiments),
  repeats: values.smoke ? 3 : Number(values.repeats),
}

await withFreshStore(
  async (store) => {
    const subject = await fill(store.db)
    await withApi(store, async (url) => compare(store.db, subject, url))
  },
  { databaseUrl: values['database-url'] },
)

async function compare(
  db: Db,
  { query, secret }: Awaited<ReturnType<typeof fill>>,
  url: string,
): Promise<void> {
  const { experimentIds: session_ids, datasetId } = query
  const experiment = session_ids[0]!

  const limit = sizes.examples
  const cases: [
    name: string,
    body: object,
    own: Partial<ComparisonQuery> & { isPreview?: boolean },
  ][] = [
    ['plain', { session_ids, limit }, {}],
    ['preview', { session_ids, limit, preview: true }, { isPreview: true }],
    [
      'sorted',
      { session_ids: [experiment], limit, sort_params: { sort_by: 'correctness' } },
      { experimentIds: [experiment], sort: { feedbackKey: 'correctness', order: 'desc' } },
    ],
  ]
  for (const [name, body, { isPreview = false, ...own }] of cases) {
    const bare = async () => {
      const pages = comparisonPages(
        db,
        { ...query, ...own },
        { offset: 0, limit, isPreview, detail: 'none' },
      )
      let rows = 0
      for await (const page of pages) rows += page.length
      return rows
    }
    const endpoint = async () => {
      const answer = await fetch(`${url}/datasets/${datasetId}/runs`, {
        method: 'POST',
        headers: { 'x-api-key': secret, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      const bytes = Buffer.from(await answer.arrayBuffer())
      if (answer.status !== 200) throw new Error(bytes.toString())
      return bytes
    }
    // Parsed only once, because parsing every answer would measure the client.
    const rows = (JSON.parse((await endpoint()).toString()) as unknown[]).length
    if ((await bare()) !== limit || rows !== limit) throw new Error(`${name}: ${rows} rows`)
    const times = await measure({ bare, endpoint })
    const ratio = (times.endpoint / times.bare).toFixed(2)
    console.log(
      `${name}: ${sizes.runs} runs stored, ${limit} examples: bare SQL ${times.bare.toFixed(1)} ms, endpoint ${times.endpoint.toFixed(1)} ms, ratio ${ratio}`,
    )
  }
}

/** Returns the median milliseconds of each task. They are run in turns, after a warm-up. */
async function measure<Name extends string>(
  tasks: Record<Name, () => Promise<unknown>>,
): Promise<Record<Name, number>> {
  const names = Object.keys(tasks) as Name[]
  const times = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<
    Name,
    number[]
  >
  for (let i = -8; i < sizes.repeats; i++) {
    for (const name of names) {
      const start = performance.now()
      await tasks[name]()
      if (i >= 0) times[name].push(performance.now() - start)
    }
  }
  const median = (list: number[]) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)]!
  return Object.fromEntries(names.map((name) => [name, median(times[name])])) as Record<
    Name,
    number
  >
}

/** Writes rows as the worker leaves them, by SQL alone. Every experiment runs over the same dataset. */
async function fill(db: Db): Promise<{ query: ComparisonQuery; secret: string }> {
  const [tenantId, datasetId, secret] = [randomUUID(), randomUUID(), randomUUID()]
  const traces = Math.ceil(sizes.runs / runsPerTrace)
  const experiments = Math.max(sizes.experiments, Math.ceil(traces / sizes.examples))
  const hash = createHash('sha256').update(secret).digest()
  await db`insert into tenants (id, name, created_at) values (${tenantId}, 'bench', now())`
  await db`
    insert into api_keys (id, tenant_id, public_key, secret_hash, scopes, created_at)
    values (${randomUUID()}, ${tenantId}, ${randomUUID()}, ${hash}, '{read,write}', now())`
  await db`
    insert into datasets (tenant_id, id, name, created_at, updated_at, version_at)
    values (${tenantId}, ${datasetId}, 'bench', now(), now(), now())`
  // Ids are hashes of what they stand for, in UUID form. They are scattered over the indexes, as clients' ids are.
  await db`
    insert into examples (tenant_id, id, dataset_id, valid_from, created_at, inputs, outputs, metadata)
    select ${tenantId}, md5('example' || n)::uuid, ${datasetId}, now(), now() + n * interval '1 ms',
      json_build_object('question', repeat(md5(n::text), 8)), json_build_object('answer', md5(n::text)), '{"topic":"bench"}'
    from generate_series(1, ${sizes.examples}::int) as n`
  await db`
    insert into experiments (tenant_id, id, dataset_id, name, name_scope, start_time, created_at, updated_at)
    select ${tenantId}, md5('experiment' || n)::uuid, ${datasetId}, 'experiment ' || n, ${datasetId}, now(), now(), now()
    from generate_series(1, ${experiments}::int) as n`
  // Numbers the traces through the examples of one experiment after another.
  const trace = db`
    select md5('trace' || t)::uuid as trace_id, md5('experiment' || (1 + (t - 1) / ${sizes.examples}::int))::uuid as experiment_id,
      md5('example' || (1 + (t - 1) % ${sizes.examples}::int))::uuid as example_id,
      '2026-01-01'::timestamptz + t * interval '1 s' as at, t
    from generate_series(1, ${traces}::int) as t`
  await db`
    insert into runs (tenant_id, id, v, m, trace_id, experiment_id, parent_run_id, name, run_type, start_time, end_time,
      inputs, inputs_preview, outputs, outputs_preview, dotted_order, reference_example_id, metadata, extra, total_tokens)
    select ${tenantId}, case n when 0 then trace_id else md5('run' || t || '/' || n)::uuid end, 1, 0, trace_id, experiment_id,
      case when n > 0 then trace_id end, 'step ' || n, case when n = 2 then 'llm' else 'chain' end,
      at + n * interval '1 ms', at + interval '2 s',
      json_build_object('question', repeat(md5(t::text), 16)), left(repeat(md5(t::text), 16), 500),
      json_build_object('answer', (select string_agg(md5(t::text || i), '') from generate_series(1, 60) as i)),
      left(md5(t::text), 500), to_char(at, 'YYYYMMDD"T"HH24MISSUS"Z"') || trace_id,
      case n when 0 then example_id end, '{"model":"m1"}', '{"options":{}}', 10
    from (${trace}) as trace cross join generate_series(0, ${runsPerTrace - 1}::int) as n`
  await db`
    insert into traces (tenant_id, id, v, m, root_run_id, start_time, end_time, run_count, total_tokens)
    select ${tenantId}, trace_id, 1, 0, trace_id, at, at + interval '2 s', ${runsPerTrace}::int, 10
    from (${trace}) as trace`
  await db`
    insert into run_items (tenant_id, id, v, m, experiment_id, dataset_id, example_id, trace_id, created_at)
    select ${tenantId}, md5('item' || t)::uuid, 1, 0, experiment_id, ${datasetId}, example_id, trace_id, at
    from (${trace}) as trace`
  await db`
    insert into feedback (tenant_id, id, v, m, run_id, trace_id, experiment_id, key, score, score_number, created_at)
    select ${tenantId}, md5('feedback' || t || key)::uuid, 1, 0, trace_id, trace_id, experiment_id, key,
      to_json(t % 7), t % 7, at
    from (${trace}) as trace cross join unnest(array['correctness', 'brevity']) as key`
  await db.unsafe('vacuum analyze')
  // The compared experiments are from the middle of the history.
  const first = Math.floor((experiments - sizes.experiments) / 2)
  const compared = await db<{ id: string }[]>`
    select md5('experiment' || n)::uuid as id
    from generate_series(${first + 1}::int, ${first + sizes.experiments}::int) as n`
  const query: ComparisonQuery = {
    tenantId,
    datasetId,
    experimentIds: compared.map((row) => row.id),
    exampleIds: null,
    filters: new Map(),
    sort: null,
    comparativeExperimentId: null,
  }
  return { query, secret }
}
