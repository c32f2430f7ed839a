import { createHash, randomUUID } from 'node:crypto'
import type { Db } from '../src/store/pool.ts'
import { experimentAggregateRefreshDirty } from '../src/store/write/aggregates.ts'
import { byKey } from '../src/store/row-keys.ts'
import { traceRefreshRollups } from '../src/store/write/trace-rollups.ts'

/*
 * Writes one tenant's history as the worker leaves it, by SQL. Half of the traces are Langfuse's, where a client
 * describes the trace itself; half are LangSmith's, where only the root run describes it.
 */

/** What the requests need to know of the rows. */
export interface ReadSubject {
  secret: string
  tenantId: string
  /** The project that holds most runs. */
  projectId: string
  datasetId: string
}

export interface ReadSizes {
  runs: number
  experiments: number
  projects: number
}

const secret = 'sk-of-a-bench'
const runsPerTrace = 3
/**
 * The fields that Langfuse's traces set: timestamp, name, user, thread, environment, tags, metadata. Their bits are
 * the positions in domain/entities.ts.
 */
const traceMask = [0, 2, 3, 4, 8, 9, 10].reduce((mask, bit) => mask + 2 ** bit, 0)

/**
 * Fills an empty database, or finds what an earlier run filled it with.
 * @param isAnalyzed false leaves the tables as they are right after a burst
 */
export async function fillReads(
  db: Db,
  sizes: ReadSizes,
  isAnalyzed: boolean,
): Promise<ReadSubject> {
  const [found] = await db<{ id: string }[]>`select id from tenants where name = 'bench'`
  const tenantId = found?.id ?? randomUUID()
  const [projectId, datasetId] = [md5Uuid('project0'), md5Uuid('dataset1')]
  const subject = { secret, tenantId, projectId, datasetId }
  if (found !== undefined) return subject
  await fillCatalog(db, tenantId, sizes)
  await fillRuns(db, tenantId, sizes)
  await fillScores(db, tenantId, sizes)
  if (isAnalyzed) await db.unsafe('vacuum analyze')
  return subject
}

function md5Uuid(text: string): string {
  const hex = createHash('md5').update(text).digest('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

async function fillCatalog(db: Db, tenantId: string, sizes: ReadSizes): Promise<void> {
  const hash = createHash('sha256').update(secret).digest()
  await db`insert into tenants (id, name, created_at) values (${tenantId}, 'bench', now())`
  await db`
    insert into api_keys (id, tenant_id, public_key, secret_hash, scopes, created_at)
    values (${randomUUID()}, ${tenantId}, ${randomUUID()}, ${hash}, '{read,write}', now())`
  await db`
    insert into datasets (tenant_id, id, name, created_at, updated_at, version_at)
    select ${tenantId}, md5('dataset' || n)::uuid, 'dataset ' || n, now(), now(), now()
    from generate_series(1, 5) as n`
  await db`
    insert into experiments (tenant_id, id, dataset_id, name, name_scope, start_time, created_at, updated_at)
    select ${tenantId}, md5('experiment' || n)::uuid, md5('dataset' || 1 + n % 5)::uuid, 'experiment ' || n,
      md5('dataset' || 1 + n % 5)::uuid, '2026-01-01'::timestamptz + n * interval '1 h', now(), now()
    from generate_series(1, ${sizes.experiments}::int) as n`
  await db`
    insert into experiments (tenant_id, id, name, name_scope, start_time, created_at, updated_at)
    select ${tenantId}, md5('project' || n)::uuid, 'project ' || n, ${tenantId},
      '2026-01-01'::timestamptz + n * interval '1 h', now(), now()
    from generate_series(0, ${sizes.projects}::int) as n`
}

/** Ids are hashes of what they stand for, so they are scattered over the indexes, as clients' ids are. */
async function fillRuns(db: Db, tenantId: string, sizes: ReadSizes): Promise<void> {
  const traces = Math.ceil(sizes.runs / runsPerTrace)
  const trace = db`
    select md5('trace' || t)::uuid as trace_id, t, h,
      '2026-01-01'::timestamptz + t * interval '7 s' as at,
      t % 2 = 0 as is_langfuse,
      case when t % 4 = 3 then md5('experiment' || experiment)::uuid
        when h % 50 = 7 then md5('project' || h % (${sizes.projects}::int + 1))::uuid
        else md5('project0')::uuid end as experiment_id,
      case when t % 4 in (1, 3) then md5('experiment' || experiment)::uuid end as linked_id,
      case when t % 3 <> 0 then case when h % 100 = 0 then 'thread of all' else 'thread ' || t / 15 end end as thread_id,
      'name ' || h % 20 as name, 'user ' || h % 1000 as user_id,
      array['tag ' || h % 10, 'topic ' || h % 300] as tags,
      case when h % 10 = 0 then 'staging' end as environment
    from (
      select t, abs(hashint4(t)) as h, 1 + (t - 1)::bigint * ${sizes.experiments}::int / ${traces}::int as experiment
      from generate_series(1, ${traces}::int) as t
    ) as numbered`
  await db`
    insert into runs (tenant_id, id, v, m, trace_id, experiment_id, parent_run_id, name, run_type, start_time, end_time,
      inputs, inputs_preview, outputs, outputs_preview, dotted_order, metadata, extra, thread_id, tags,
      prompt_tokens, completion_tokens, total_tokens, total_cost, created_at, environment, model)
    select ${tenantId}, case n when 0 then trace_id else md5('run' || t || '/' || n)::uuid end, 1, 0, trace_id,
      experiment_id, case when n > 0 then trace_id end, case n when 0 then name else 'step ' || n end,
      case n when 2 then 'llm' when 1 then 'tool' else 'chain' end,
      at + n * interval '1 ms', at + interval '1 s' + h % 1000 * interval '1 ms',
      json_build_object('question', repeat(md5(t::text), 8)), left(repeat(md5(t::text), 8), 300),
      json_build_object('answer', repeat(md5(t::text || n), 12)), left(repeat(md5(t::text || n), 12), 300),
      to_char(at, 'YYYYMMDD"T"HH24MISSUS"Z"') || trace_id,
      '{"model":"m1","revision":"r2"}', '{"options":{}}',
      case when n = 0 and not is_langfuse then thread_id end, case when n = 0 and not is_langfuse then tags end,
      case when n = 2 then 10 end, case when n = 2 then 20 end, case when n = 2 then 30 end,
      case when n = 2 then 0.001 end, at, case when is_langfuse then environment end, case when n = 2 then 'm1' end
    from (${trace}) as trace cross join generate_series(0, ${runsPerTrace - 1}::int) as n`
  await db`
    insert into traces (tenant_id, id, v, m, "timestamp", name, user_id, thread_id, environment, tags, metadata,
      inputs, inputs_preview, outputs, outputs_preview, created_at, updated_at)
    select ${tenantId}, trace_id, 1, ${traceMask}, at, name, user_id, thread_id, coalesce(environment, 'default'), tags,
      '{"release":"r2"}', json_build_object('question', repeat(md5(t::text), 8)), left(repeat(md5(t::text), 8), 300),
      json_build_object('answer', repeat(md5(t::text), 12)), left(repeat(md5(t::text), 12), 300), at, at
    from (${trace}) as trace where is_langfuse`
  // As the worker does it, in batches of its size.
  for (let first = 1; first <= traces; first += 5000) {
    const ids = await db<{ id: string }[]>`
      select md5('trace' || t)::uuid as id
      from generate_series(${first}::int, ${Math.min(first + 4999, traces)}::int) as t`
    const keys = ids.map(({ id }) => ({ tenantId, id })).toSorted(byKey)
    await traceRefreshRollups(db, keys, new Map(), true)
  }
  await db`
    insert into run_items (tenant_id, id, v, m, experiment_id, dataset_id, example_id, trace_id, created_at)
    select ${tenantId}, md5('item' || t)::uuid, 1, 0, linked_id, md5('dataset1')::uuid, md5('example' || t % 500)::uuid,
      trace_id, at
    from (${trace}) as trace where linked_id is not null`
}

/** Writes one score per trace: on the whole trace, on a run with its trace, or on a run alone. */
async function fillScores(db: Db, tenantId: string, sizes: ReadSizes): Promise<void> {
  const traces = Math.ceil(sizes.runs / runsPerTrace)
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
      from generate_series(1, ${traces}::int) as t
    ) as numbered`
  const experiments = await db<{ id: string }[]>`
    select id from experiments where tenant_id = ${tenantId}`
  await experimentAggregateRefreshDirty(
    db,
    tenantId,
    experiments.map(({ id }) => id),
  )
}
