import { parseArgs } from 'node:util'
import { createHash, randomUUID } from 'node:crypto'
import type { Db } from '../src/store/pool.ts'
import { experimentAggregateRebuild } from '../src/store/write/aggregates.ts'
import { withApi } from './api/api-in-process.ts'
import { withFreshStore } from './fresh-store.ts'

/*
 * POST /api/runmill/compare of two experiments on one dataset, three scores each, with fresh aggregates: the first page
 * of a process that knows nothing of them yet, then further pages, other orders and other choices of rows.
 * Database of its own in a temporary folder, or --database-url (an empty database; it is left filled).
 *
 *   npx tsx bench/compare.ts [--examples 10000] [--repeats 20] [--smoke]
 */

const { values } = parseArgs({
  options: {
    examples: { type: 'string', default: '10000' },
    repeats: { type: 'string', default: '20' },
    'database-url': { type: 'string' },
    smoke: { type: 'boolean', default: false },
  },
})
const examples = values.smoke ? 200 : Number(values.examples)
const repeats = values.smoke ? 2 : Number(values.repeats)

await withFreshStore(
  async (store) => {
    const { db } = store
    const { tenantId, secret } = await fill(db)
    await withApi(store, async (url) => {
      const ask = async (name: string, body: object, prepare?: () => Promise<void>) => {
        const times: number[] = []
        let answer: { rows: unknown[]; next_cursor: string | null } | undefined
        let bytes = 0
        const cpu = [0, 0] as [api: number, server: number]
        for (let i = -1; i < repeats; i++) {
          await prepare?.()
          const serverBefore = await store.serverCpu()
          const before = process.cpuUsage()
          const start = performance.now()
          const response = await fetch(`${url}/api/runmill/compare`, {
            method: 'POST',
            headers: { 'x-api-key': secret, 'content-type': 'application/json' },
            body: JSON.stringify({ candidates: ['candidate'], ...body }),
          })
          const text = await response.text()
          const took = performance.now() - start
          if (response.status !== 200) throw new Error(`${name}: ${response.status} ${text}`)
          answer = JSON.parse(text) as typeof answer
          bytes = text.length
          if (i < 0) continue
          times.push(took)
          const { user, system } = process.cpuUsage(before)
          cpu[0] += user + system
          cpu[1] += ((await store.serverCpu()) ?? 0) - (serverBefore ?? 0)
        }
        const sorted = times.toSorted((a, b) => a - b)
        const of = (sum: number) => (sum / repeats / 1000).toFixed(0)
        const memory = (process.resourceUsage().maxRSS / 1024).toFixed(0)
        console.log(
          `${name}: median ${sorted[Math.floor(sorted.length / 2)]!.toFixed(1)} ms, worst ${sorted.at(-1)!.toFixed(1)} ms, processor ${of(cpu[0])} ms here and ${of(cpu[1])} ms in Postgres, ${answer!.rows.length} rows, ${bytes} bytes, memory so far ${memory} MiB`,
        )
        return answer!
      }
      // As a refresh of any of their traces does.
      const touch = async () => {
        await db`
          update experiment_aggregates set is_built = is_built where tenant_id = ${tenantId}`
      }
      console.log(`${examples} examples, 2 experiments, 3 scores`)
      await ask('first page after a change of both', {}, touch)
      const page = await ask('first page', {})
      await ask('next page', { cursor: page.next_cursor })
      const sort = { measure: 'correctness', order: 'asc' }
      const sorted = await ask('sorted by a difference', { sort })
      await ask('its next page', { sort, cursor: sorted.next_cursor })
      const change = { measure: 'correctness', is: ['regressed'] }
      await ask('only what regressed', { sort, change })
      await ask('without rows', { limit: 0 })
    })
  },
  { databaseUrl: values['database-url'] },
)

/** Writes rows as the worker leaves them, by SQL alone. */
async function fill(db: Db): Promise<{ tenantId: string; secret: string }> {
  const [tenantId, datasetId, secret] = [randomUUID(), randomUUID(), randomUUID()]
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
      json_build_object('question', repeat(md5(n::text), 8)), json_build_object('answer', md5(n::text)),
      jsonb_build_object('topic', 'topic ' || n % 10)
    from generate_series(1, ${examples}::int) as n`
  const experiments = ['baseline', 'candidate'].map((name) => ({ name, id: randomUUID() }))
  for (const [side, { name, id }] of experiments.entries()) {
    await db`
      insert into experiments (tenant_id, id, dataset_id, name, name_scope, start_time, created_at, updated_at)
      values (${tenantId}, ${id}, ${datasetId}, ${name}, ${datasetId}, now(), now() + ${side} * interval '1 s', now())`
    const trace = db`
      select md5('trace' || ${name}::text || n)::uuid as trace_id, md5('example' || n)::uuid as example_id,
        '2026-01-01'::timestamptz + n * interval '1 s' as at, n
      from generate_series(1, ${examples}::int) as n`
    await db`
      insert into runs (tenant_id, id, v, m, trace_id, experiment_id, name, run_type, start_time, end_time,
        inputs, inputs_preview, outputs, outputs_preview, dotted_order, reference_example_id, total_tokens)
      select ${tenantId}, trace_id, 1, 0, trace_id, ${id}, 'target', 'chain', at, at + (500 + n % 977 + ${side} * 40) * interval '1 ms',
        json_build_object('question', md5(n::text)), md5(n::text), json_build_object('answer', md5(n::text)), md5(n::text),
        to_char(at, 'YYYYMMDD"T"HH24MISSUS"Z"') || trace_id, example_id, 100 + n % 50
      from (${trace}) as trace`
    await db`
      insert into traces (tenant_id, id, v, m, root_run_id, start_time, end_time, run_count, total_tokens, total_cost)
      select ${tenantId}, trace_id, 1, 0, trace_id, at, at + (500 + n % 977 + ${side} * 40) * interval '1 ms', 1, 100 + n % 50,
        (100 + n % 50) * 0.00001
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
  for (const { id } of experiments) await experimentAggregateRebuild(db, tenantId, id)
  await db.unsafe('vacuum analyze')
  return { tenantId, secret }
}
