import { createHash, randomUUID } from 'node:crypto'
import type { Db } from '../../src/store/pool.ts'
import { aggregateRefresh } from '../../src/store/write/aggregates/aggregates.ts'
import { traceRefreshRollups } from '../../src/store/write/trace-rollups.ts'

/*
 * Writes one tenant's history as the worker leaves it, by SQL. Half of the traces are Langfuse's, where a client
 * describes the trace itself; half are LangSmith's, where only the root run describes it. Most of the runs are in one
 * project; half of the traces are executions of experiments, each of which runs over the 100 examples of its dataset.
 */

/** What the requests need to know of the rows. */
export interface History {
  secret: string
  tenantId: string
  /** The project that holds most runs. */
  projectId: string
  /** The dataset of the compared experiments. */
  datasetId: string
  /** Three experiments from the middle of the history. */
  comparedIds: string[]
}

export interface HistorySizes {
  runs: number
  projects: number
}

const secret = 'sk-of-a-bench'
export const runsPerTrace = 4
export const examplesPerDataset = 100
const datasets = 5
/** So many traces follow each other for one experiment: every second one is an execution. */
const tracesPerExperiment = 2 * examplesPerDataset
const fewestExperiments = 3 * datasets
const tracesAtOnce = 20_000
/** So many chunks are written at a time. */
const lanes = 3
/**
 * The fields that Langfuse's traces set: timestamp, name, user, thread, environment, tags, metadata. Their bits are
 * the positions in domain/entities.ts.
 */
const traceMask = [0, 2, 3, 4, 8, 9, 10].reduce((mask, bit) => mask + 2 ** bit, 0)

/** Says what is being written, and how far it is, from 0 to 1. */
export type Progress = (step: string, part: number) => void

/**
 * Finds the history that an earlier fill left in a database.
 * @returns null when there is none
 */
export async function findHistory(db: Db): Promise<History | null> {
  const [found] = await db<{ id: string }[]>`select id from tenants where name = 'bench'`
  if (found === undefined) return null
  const compared = await db<{ id: string; datasetId: string }[]>`
    with total as (select count(*)::int as n from experiments where dataset_id is not null)
    select e.id, e.dataset_id from total
    cross join generate_series(0, 2) as i
    cross join lateral (
      select id, dataset_id from experiments
      where id = md5('experiment' || (n / 2 + (i - 1) * ${datasets}::int))::uuid
    ) as e`
  return {
    secret,
    tenantId: found.id,
    projectId: md5Uuid('project0'),
    datasetId: compared[0]!.datasetId,
    comparedIds: compared.map(({ id }) => id),
  }
}

/**
 * Fills an empty database.
 * @param isAnalyzed false leaves the tables as they are right after a burst
 */
export async function fillHistory(
  db: Db,
  sizes: HistorySizes,
  isAnalyzed: boolean,
  progress: Progress = () => {},
): Promise<void> {
  const tenantId = randomUUID()
  const traces = Math.ceil(sizes.runs / runsPerTrace)
  const experiments = Math.max(fewestExperiments, Math.ceil(traces / tracesPerExperiment))
  const fill: Fill = { db, tenantId, traces, experiments, projects: sizes.projects, progress }
  await fillCatalog(fill)
  // Rows are written many times faster without indexes, which are made when all rows are there.
  const restoreTraces = await dropIndexes(db, ['traces', 'trace_aggregates', 'feedback'])
  const restoreRuns = await dropIndexes(db, ['runs', 'run_items'])
  await inChunks(fill, 'runs', fillRuns)
  await restoreRuns(progress)
  await inChunks(fill, 'scores', fillScores)
  await inChunks(fill, 'roll-ups', fillRollups)
  await restoreTraces(progress)
  if (isAnalyzed) await db.unsafe('vacuum analyze', [], { limit: 'none' })
  await fillAggregates(fill)
  if (isAnalyzed) await db.unsafe('vacuum analyze', [], { limit: 'none' })
  await db`update tenants set name = 'bench' where id = ${tenantId}`
}

interface Fill {
  db: Db
  tenantId: string
  traces: number
  experiments: number
  projects: number
  progress: Progress
}

function md5Uuid(text: string): string {
  const hex = createHash('md5').update(text).digest('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

async function inChunks(
  fill: Fill,
  step: string,
  write: (fill: Fill, first: number, last: number) => Promise<void>,
): Promise<void> {
  let next = 1
  let written = 0
  const lane = async (): Promise<void> => {
    while (next <= fill.traces) {
      const first = next
      next += tracesAtOnce
      const last = Math.min(first + tracesAtOnce - 1, fill.traces)
      await write(fill, first, last)
      written += last - first + 1
      fill.progress(step, written / fill.traces)
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
}

/** Drops what is not needed to keep rows unique. @returns the function that makes it again */
async function dropIndexes(
  db: Db,
  tables: string[],
): Promise<(progress: Progress) => Promise<void>> {
  const rows = await db<{ indexname: string; indexdef: string }[]>`
    select indexname, indexdef from pg_indexes
    where schemaname = 'public' and tablename = any(${tables}) and indexdef not like 'CREATE UNIQUE%'`
  for (const { indexname } of rows) await db`drop index ${db(indexname)}`
  return async (progress) => {
    for (const [i, { indexdef }] of rows.entries()) {
      await db.unsafe(indexdef, [], { limit: 'none' })
      progress(`indexes of ${tables.join(', ')}`, (i + 1) / rows.length)
    }
  }
}

async function fillCatalog({ db, tenantId, experiments, projects }: Fill): Promise<void> {
  const hash = createHash('sha256').update(secret).digest()
  await db`insert into tenants (id, name, created_at) values (${tenantId}, 'filling', now())`
  await db`
    insert into api_keys (id, tenant_id, public_key, secret_hash, scopes, created_at)
    values (${randomUUID()}, ${tenantId}, ${randomUUID()}, ${hash}, '{read,write}', now())`
  await db`
    insert into datasets (tenant_id, id, name, created_at, updated_at, version_at)
    select ${tenantId}, md5('dataset' || n)::uuid, 'dataset ' || n, now(), now(), now()
    from generate_series(1, ${datasets}::int) as n`
  await db`
    insert into examples (tenant_id, id, dataset_id, valid_from, created_at, inputs, outputs, metadata)
    select ${tenantId}, md5('example' || d || '/' || n)::uuid, md5('dataset' || d)::uuid, now(),
      now() + n * interval '1 ms', json_build_object('question', repeat(md5(n::text), 8)),
      json_build_object('answer', md5(n::text)), '{"topic":"bench"}'
    from generate_series(1, ${datasets}::int) as d cross join generate_series(0, ${examplesPerDataset - 1}::int) as n`
  await db`
    insert into experiments (tenant_id, id, dataset_id, name, name_scope, start_time, created_at, updated_at)
    select ${tenantId}, md5('experiment' || n)::uuid, md5('dataset' || 1 + n % ${datasets}::int)::uuid,
      'experiment ' || n, md5('dataset' || 1 + n % ${datasets}::int)::uuid,
      '2026-01-01'::timestamptz + n * interval '20 min', now(), now()
    from generate_series(1, ${experiments}::int) as n`
  await db`
    insert into experiments (tenant_id, id, name, name_scope, start_time, created_at, updated_at)
    select ${tenantId}, md5('project' || n)::uuid, 'project ' || n, ${tenantId},
      '2026-01-01'::timestamptz + n * interval '1 h', now(), now()
    from generate_series(0, ${projects}::int) as n`
}

/** Ids are hashes of what they stand for, so they are scattered over the indexes, as clients' ids are. */
async function fillRuns(
  { db, tenantId, experiments, projects, traces }: Fill,
  first: number,
  last: number,
): Promise<void> {
  const trace = db`
    select md5('trace' || t)::uuid as trace_id, t, h,
      '2026-01-01'::timestamptz + t * interval '7 s' as at,
      t % 2 = 0 as is_langfuse,
      case when t % 4 = 3 then md5('experiment' || experiment)::uuid
        when h % 50 = 7 then md5('project' || h % (${projects}::int + 1))::uuid
        else md5('project0')::uuid end as experiment_id,
      case when t % 2 = 1 then md5('experiment' || experiment)::uuid end as linked_id,
      md5('dataset' || 1 + experiment % ${datasets}::int)::uuid as dataset_id,
      md5('example' || 1 + experiment % ${datasets}::int || '/' || t / 2 % ${examplesPerDataset}::int)::uuid as example_id,
      case when t % 3 <> 0 then case when h % 100 = 0 then 'thread of all' else 'thread ' || t / 15 end end as thread_id,
      'name ' || h % 20 as name, 'user ' || h % 1000 as user_id,
      array['tag ' || h % 10, 'topic ' || h % 300] as tags,
      case when h % 10 = 0 then 'staging' end as environment
    from (
      select t, abs(hashint4(t)) as h, 1 + (t - 1)::bigint * ${experiments}::int / ${traces}::int as experiment
      from generate_series(${first}::int, ${last}::int) as t
    ) as numbered`
  await db`
    insert into runs (tenant_id, id, v, m, trace_id, experiment_id, parent_run_id, name, run_type, start_time, end_time,
      inputs, inputs_preview, outputs, outputs_preview, dotted_order, metadata, extra, thread_id, tags,
      prompt_tokens, completion_tokens, total_tokens, total_cost, created_at, environment, model, reference_example_id,
      error)
    select ${tenantId}, case n when 0 then trace_id else md5('run' || t || '/' || n)::uuid end, 1, 0, trace_id,
      experiment_id, case when n > 0 then trace_id end, case n when 0 then name else 'step ' || n end,
      case n when 2 then 'llm' when 1 then 'tool' else 'chain' end,
      at + n * interval '1 ms', at + interval '1 s' + h % 1000 * interval '1 ms',
      json_build_object('question', repeat(md5(t::text), 2)), repeat(md5(t::text), 2),
      json_build_object('answer', repeat(md5(t::text || n), 3)), repeat(md5(t::text || n), 3),
      to_char(at, 'YYYYMMDD"T"HH24MISSUS"Z"') || trace_id,
      '{"model":"m1","revision":"r2"}', '{"options":{}}',
      case when n = 0 and not is_langfuse then thread_id end, case when n = 0 and not is_langfuse then tags end,
      case when n = 2 then 10 end, case when n = 2 then 20 end, case when n = 2 then 30 end,
      case when n = 2 then 0.001 end, at, case when is_langfuse then environment end, case when n = 2 then 'm1' end,
      case when n = 0 and t % 4 = 3 then example_id end, case when n = 0 and h % 97 = 5 then '"failed"'::json end
    from (${trace}) as trace cross join generate_series(0, ${runsPerTrace - 1}::int) as n`
  await db`
    insert into traces (tenant_id, id, v, m, "timestamp", name, user_id, thread_id, environment, tags, metadata,
      inputs, inputs_preview, outputs, outputs_preview, created_at, updated_at)
    select ${tenantId}, trace_id, 1, ${traceMask}, at, name, user_id, thread_id, coalesce(environment, 'default'), tags,
      '{"release":"r2"}', json_build_object('question', repeat(md5(t::text), 2)), repeat(md5(t::text), 2),
      json_build_object('answer', repeat(md5(t::text), 3)), repeat(md5(t::text), 3), at, at
    from (${trace}) as trace where is_langfuse`
  await db`
    insert into run_items (tenant_id, id, v, m, experiment_id, dataset_id, example_id, trace_id, created_at)
    select ${tenantId}, md5('item' || t)::uuid, 1, 0, linked_id, dataset_id, example_id, trace_id, at
    from (${trace}) as trace where linked_id is not null`
}

/** The statement of the worker, over more traces than it ever has in a batch. */
async function fillRollups({ db, tenantId }: Fill, first: number, last: number): Promise<void> {
  const ids = await db<{ id: string }[]>`
    select md5('trace' || t)::uuid as id from generate_series(${first}::int, ${last}::int) as t`
  const sorted = ids.map(({ id }) => id).toSorted()
  await traceRefreshRollups(db, tenantId, sorted, new Map(), true)
}

/** Writes one score per trace: on the whole trace, on a run with its trace, or on a run alone. */
async function fillScores({ db, tenantId }: Fill, first: number, last: number): Promise<void> {
  await db`
    insert into feedback (tenant_id, id, v, m, run_id, trace_id, key, score, score_number, value, value_text, data_type,
      comment, source_type, "timestamp", created_at)
    select ${tenantId}, md5('feedback' || t)::uuid, 1, 0, case when t % 4 > 0 then md5('trace' || t)::uuid end,
      case when t % 4 < 3 then md5('trace' || t)::uuid end,
      case when h % 1000 = 1 then 'rare' else (array['correctness', 'brevity', 'tone', 'label'])[1 + h % 4] end,
      case when h % 4 < 3 then to_json(h % 7) end, case when h % 4 < 3 then h % 7 end,
      case when h % 4 = 3 then to_json('label ' || h % 5) end, case when h % 4 = 3 then 'label ' || h % 5 end,
      case when t % 2 = 0 then case when h % 4 = 3 then 'CATEGORICAL' else 'NUMERIC' end end,
      repeat('because ', 5), 'api', case when t % 2 = 0 then at end, at
    from (
      select t, abs(hashint4(t)) as h, '2026-01-01'::timestamptz + t * interval '7 s' as at
      from generate_series(${first}::int, ${last}::int) as t
    ) as numbered`
}

/**
 * Computes the aggregates as workers do when the traces arrive, in the order of their times: traces that follow each other
 * count in few experiments. A pass over all of them goes by id, and writes the aggregates of most experiments each time.
 */
async function fillAggregates({ db, tenantId, traces, progress }: Fill): Promise<void> {
  await db`
    insert into dirty_traces (tenant_id, trace_ids)
    select ${tenantId}, array_agg(md5('trace' || t)::uuid order by t)
    from generate_series(1, ${traces}::int) as t
    group by t / 500 order by t / 500`
  for (let step = 1; await aggregateRefresh(db, tenantId); step++) {
    progress('aggregates', Math.min(1, (step * 5000) / traces))
  }
}
