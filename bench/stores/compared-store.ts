import { randomUUID } from 'node:crypto'
import type { Db } from '../../src/store/pool.ts'
import { experimentAggregateRebuild } from '../../src/store/write/aggregates/aggregates.ts'
import { insertTenant } from '../../test/support/tenant.ts'

/** Two experiments, `baseline` and `candidate`, over the same examples, each executed once and given three scores. */
export interface ComparedStore {
  tenantId: string
  secret: string
  datasetId: string
  baselineId: string
  candidateId: string
}

/** Writes rows as the worker leaves them, by SQL alone, with fresh aggregates. */
export async function fillCompared(db: Db, examples: number): Promise<ComparedStore> {
  const { id: tenantId, secretKey: secret } = await insertTenant(db)
  const [datasetId, baselineId, candidateId] = [randomUUID(), randomUUID(), randomUUID()]
  await db`
    insert into datasets (tenant_id, id, name, created_at, updated_at, version_at)
    values (${tenantId}, ${datasetId}, 'bench', now(), now(), now())`
  // Ids are hashes of what they stand for, in UUID form. They are scattered over the indexes, as clients' ids are.
  await db`
    insert into examples (tenant_id, id, dataset_id, valid_from, created_at, inputs, outputs, metadata)
    select ${tenantId}, md5('example' || n)::uuid, ${datasetId}, now(), now() + n * interval '1 ms',
      json_build_object('question', repeat(md5(n::text), 8)), json_build_object('answer', md5(n::text)), '{}'
    from generate_series(1, ${examples}::int) as n`
  for (const [side, id] of [baselineId, candidateId].entries()) {
    const name = ['baseline', 'candidate'][side]!
    const trace = db`
      select md5('trace' || ${name}::text || n)::uuid as trace_id, md5('example' || n)::uuid as example_id,
        '2026-01-01'::timestamptz + n * interval '1 s' as at, (500 + n % 977 + ${side} * 40) * interval '1 ms' as took, n
      from generate_series(1, ${examples}::int) as n`
    await db`
      insert into experiments (tenant_id, id, dataset_id, name, name_scope, start_time, created_at, updated_at)
      values (${tenantId}, ${id}, ${datasetId}, ${name}, ${datasetId}, now(), now() + ${side} * interval '1 s', now())`
    await db`
      insert into runs (tenant_id, id, v, m, trace_id, experiment_id, name, run_type, start_time, end_time,
        inputs, inputs_preview, outputs, outputs_preview, dotted_order, reference_example_id, total_tokens)
      select ${tenantId}, trace_id, 1, 0, trace_id, ${id}, 'target', 'chain', at, at + took,
        json_build_object('question', md5(n::text)), md5(n::text), json_build_object('answer', md5(n::text)), md5(n::text),
        to_char(at, 'YYYYMMDD"T"HH24MISSUS"Z"') || trace_id, example_id, 100 + n % 50
      from (${trace}) as trace`
    await db`
      insert into traces (tenant_id, id, v, m, root_run_id, start_time, end_time, run_count, total_tokens, total_cost)
      select ${tenantId}, trace_id, 1, 0, trace_id, at, at + took, 1, 100 + n % 50, (100 + n % 50) * 0.00001
      from (${trace}) as trace`
    await db`
      insert into run_items (tenant_id, id, v, m, experiment_id, dataset_id, example_id, trace_id, created_at)
      select ${tenantId}, md5('item' || trace_id)::uuid, 1, 0, ${id}, ${datasetId}, example_id, trace_id, at
      from (${trace}) as trace`
    await db`
      insert into feedback (tenant_id, id, v, m, run_id, trace_id, experiment_id, key, score, score_number, created_at)
      select ${tenantId}, md5('feedback' || trace_id || key)::uuid, 1, 0, trace_id, trace_id, ${id}, key, to_json(score), score, at
      from (${trace}) as trace
      cross join lateral (
        values ('correctness', (hashtext(n::text || ${name}::text) & 1)::double precision),
          ('brevity', (hashtext(${name}::text || n) & 1023) / 1024.0),
          ('tone', round((hashtext(n || 'x' || ${name}::text) & 7) / 7.0, 3))
      ) as given (key, score)`
  }
  await db.unsafe('vacuum analyze')
  for (const id of [baselineId, candidateId]) await experimentAggregateRebuild(db, tenantId, id)
  await db.unsafe('vacuum analyze')
  return { tenantId, secret, datasetId, baselineId, candidateId }
}
