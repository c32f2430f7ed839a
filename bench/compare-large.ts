import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Db } from '../src/store/pool.ts'
import { insertTenant } from '../test/support/tenant.ts'
import { withFreshStore } from './fresh-store.ts'
import { type RunningServer, withServer } from './server-process.ts'

/*
 * POST /api/runmill/compare of two experiments that are too large to be kept in memory, with three scores: whether it
 * answers or what it says, the most memory of the server, and how long others wait meanwhile. Of the executions there is
 * what a comparison reads (examples, run items, aggregates of traces) and nothing else: everything would take hours.
 *
 *   npm run bench -- compare-large [--examples 1000000] [--smoke]
 */

const { values } = parseArgs({
  options: {
    examples: { type: 'string', default: '1000000' },
    smoke: { type: 'boolean', default: false },
  },
})
const examples = values.smoke ? 400 : Number(values.examples)
const piece = 10_000

await withFreshStore(async (store) => {
  const { id: tenantId, secretKey } = await insertTenant(store.db)
  await fill(store.db, tenantId)
  await withServer(store, {}, async (server) => {
    const ask = asker(server, secretKey)
    const sort = { measure: 'correctness', order: 'asc' }
    console.log(`${examples} examples, 2 experiments, 3 scores`)
    await ask('idle', null)
    await ask('without rows', { limit: 0 })
    await ask('first page', {})
    await ask('one score, sorted', { measures: ['correctness'], sort })
    await ask('what contains a text', { examples: { text: 'abc' } })
    await ask('three at once', { limit: 0 }, 3)
  })
})

function asker({ url, healthUrl, peakMemory }: RunningServer, key: string) {
  const headers = { 'x-api-key': key, 'content-type': 'application/json' }
  return async (name: string, body: object | null, times = 1): Promise<void> => {
    let isDone = false
    const waits: number[] = []
    const others = (async () => {
      while (!isDone) {
        const start = performance.now()
        const answer = await fetch(`${url}/api/runmill/datasets`, { headers })
        if (!answer.ok) throw new Error(`others got ${answer.status}`)
        await answer.arrayBuffer()
        waits.push(performance.now() - start)
        await pause(100)
      }
    })()
    const start = performance.now()
    const answers =
      body === null
        ? [await pause(2000, 'nothing asked')]
        : await Promise.all(
            Array.from({ length: times }, async () => {
              const response = await fetch(`${url}/api/runmill/compare`, {
                method: 'POST',
                headers,
                body: JSON.stringify({ candidates: ['candidate'], ...body }),
              })
              const text = await response.text()
              return response.ok ? '200' : `${response.status} ${text}`
            }),
          )
    const seconds = ((performance.now() - start) / 1000).toFixed(1)
    isDone = true
    await others
    const ready = await fetch(`${healthUrl}/readyz`)
    console.log(
      `${name}: ${answers.join(', ')} in ${seconds} s; server at most ${((await peakMemory()) ?? 0) >> 20} MiB so far, ready: ${ready.status}; others waited at most ${Math.max(...waits).toFixed(0)} ms`,
    )
  }
}

async function fill(db: Db, tenantId: string): Promise<void> {
  const [dataset, ...experiments] = [randomUUID(), randomUUID(), randomUUID()] as const
  await db`
    insert into datasets (tenant_id, id, name, created_at, updated_at, version_at)
    values (${tenantId}, ${dataset}, 'bench', now(), now(), now())`
  for (const [side, id] of experiments.entries()) {
    await db`
      insert into experiments (tenant_id, id, dataset_id, name, name_scope, start_time, created_at, updated_at)
      values (${tenantId}, ${id}, ${dataset}, ${['baseline', 'candidate'][side]!}, ${dataset}, now(),
        now() + ${side} * interval '1 s', now())`
    await db`
      insert into experiment_aggregates (tenant_id, experiment_id, item_count, run_count, error_count, streaming_count,
        feedback_stats, experiment_feedback_stats, is_built)
      values (${tenantId}, ${id}, ${examples}, ${examples}, 0, 0, '{}', '{}', true)`
  }
  // In pieces: each statement has a time limit.
  for (let from = 1; from <= examples; from += piece) {
    const numbers = db`generate_series(${from}::int, ${Math.min(from + piece - 1, examples)}::int) as n`
    await db`
      insert into examples (tenant_id, id, dataset_id, valid_from, created_at, inputs, outputs, metadata)
      select ${tenantId}, md5('example' || n)::uuid, ${dataset}, now(), now() + n * interval '1 ms',
        json_build_object('question', md5(n::text)), json_build_object('answer', md5(n::text)), '{}'
      from ${numbers}`
    for (const id of experiments) {
      await db`
        insert into run_items (tenant_id, id, v, m, experiment_id, dataset_id, example_id, trace_id, created_at)
        select ${tenantId}, md5('item' || n || ${id}::text)::uuid, 1, 0, ${id}, ${dataset}, md5('example' || n)::uuid,
          md5('trace' || n || ${id}::text)::uuid, now()
        from ${numbers}`
      await db`
        insert into trace_aggregates (tenant_id, experiment_id, trace_id, run_count, error_count, streaming_count, item_count,
          activity_items, unsettled_items, executions)
        select ${tenantId}, ${id}, md5('trace' || n || ${id}::text)::uuid, 1, 0, 0, 1, 1, 0,
          jsonb_build_array(jsonb_build_array(md5('example' || n)::uuid, md5('item' || n || ${id}::text)::uuid, 'success',
            500000 + n % 977, 100 + n % 50, 0.001, jsonb_build_object(
              'correctness', hashtext(n || ${id}::text) & 1,
              'brevity', (hashtext(${id}::text || n) & 1023) / 1024.0,
              'tone', round((hashtext(n || 'x' || ${id}::text) & 7) / 7.0, 3)), '{}'::jsonb, '{}'::jsonb))
        from ${numbers}`
    }
  }
  for (const table of ['examples', 'run_items', 'trace_aggregates']) {
    await db.unsafe(`vacuum analyze ${table}`)
  }
}
