import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { harness, type Harness } from '../../support/harness.ts'
import { ingestBatch } from '../../support/langfuse-batch.ts'

const base = '/api/public'

const at = (second: number) => new Date(Date.UTC(2026, 0, 2, 3, 4, second)).toISOString()

async function get(h: Harness, path: string, query: Record<string, string> = {}) {
  const answer = await h.call('GET', `${base}/${path}?${new URLSearchParams(query).toString()}`)
  expect(answer.status, answer.text).toBe(200)
  expect(h.errors).toEqual([])
  return answer.body as { data: Record<string, unknown>[]; meta: Record<string, unknown> }
}

async function ids(h: Harness, path: string, query: Record<string, string>): Promise<string[]> {
  return (await get(h, path, query)).data.map(({ id }) => id as string)
}

function filter(column: string, type: string, operator: string, value: unknown, key?: string) {
  return JSON.stringify([{ column, type, operator, value, key }])
}

async function postRun(h: Harness, body: Record<string, unknown>) {
  const run = { run_type: 'chain', start_time: at(1), inputs: {}, ...body }
  expect((await h.call('POST', '/runs', run)).status).toBe(202)
  await h.drain()
}

describe('200', () => {
  test('experiments and their items look the same whether their aggregates are current, outdated or missing', async () => {
    const h = await harness()
    await h.call('POST', `${base}/v2/datasets`, { name: 'ds' })
    for (const n of [0, 1, 2, 3]) {
      const item = { datasetName: 'ds', id: `item-${n}`, input: n }
      expect((await h.call('POST', `${base}/dataset-items`, item)).status).toBe(200)
    }
    for (const [run, n, second] of [
      ['early', 0, 1],
      ['early', 1, 2],
      ['long', 0, 1],
      ['long', 1, 20],
      ['late', 0, 10],
      ['late', 1, 11],
      ['late', 2, 12],
    ] as const) {
      const traceId = `${run}-${n}`
      const span = {
        id: `span-${traceId}`,
        traceId,
        startTime: at(second),
        endTime: at(second + 1),
      }
      await ingestBatch(h, ['span-create', span])
      const link = { runName: run, datasetItemId: `item-${n}`, traceId }
      expect((await h.call('POST', `${base}/dataset-run-items`, link)).status).toBe(200)
    }
    // This item names only a trace, so its time is that of the trace.
    await ingestBatch(h, ['trace-create', { id: 'bare', timestamp: at(30) }])
    const bare = { runName: 'bare', datasetItemId: 'item-3', traceId: 'bare' }
    expect((await h.call('POST', `${base}/dataset-run-items`, bare)).status).toBe(200)
    await h.drain()

    const reads = async () => {
      const answers: unknown[] = []
      for (const path of ['experiments', 'experiment-items']) {
        for (const [first, last] of [
          [0, 59],
          [2, 59],
          [10, 15],
          [2, 12],
          [13, 19],
        ] as const) {
          for (const limit of ['1', '2', '50']) {
            const window = { fromStartTime: at(first), toStartTime: at(last), limit }
            let cursor: unknown
            do {
              const page = await get(h, path, {
                ...window,
                ...(cursor === undefined ? {} : { cursor: cursor as string }),
              })
              answers.push(page)
              cursor = page.meta.cursor
            } while (cursor !== undefined)
          }
        }
      }
      return answers
    }
    const [{ known }] = await h.db<[{ known: number }]>`
      select count(*)::integer as known from experiment_aggregates where activity_items > 0`
    expect(known).toBe(3)
    const current = await reads()
    const { data } = await get(h, 'experiments', { fromStartTime: at(0) })
    expect(data.map(({ name, itemCount }) => [name, itemCount])).toEqual([
      ['bare', 1],
      ['long', 2],
      ['late', 3],
      ['early', 2],
    ])
    await h.db`insert into dirty_traces (tenant_id, trace_ids) select tenant_id, array[trace_id] from run_items`
    await h.db`update experiment_aggregates set activity_items = 9, activity_first = now(), activity_last = now()`
    expect(await reads()).toEqual(current)
    await h.db`delete from experiment_aggregates`
    expect(await reads()).toEqual(current)
  })

  test('a condition on a trace finds the same rows where few traces meet it and where many do', async () => {
    const h = await harness()
    await postRun(h, { id: randomUUID(), name: 'another' })
    await h.db`
      insert into traces (tenant_id, id, v, m, "timestamp", thread_id, name, user_id, tags)
      select ${h.tenant.id}, md5('trace' || n)::uuid, 1, 29, ${at(0)}::timestamptz + n * interval '1 ms', 'thread', 'same',
        'user', array['all', case when n <= 50 then 'some' else 'other' end]
      from generate_series(1, 5100) as n`
    await h.db`
      insert into runs (tenant_id, id, v, m, trace_id, name, run_type, start_time, user_id)
      select ${h.tenant.id}, md5('run' || n)::uuid, 1, 0, md5('trace' || n)::uuid, 'r', 'span',
        ${at(0)}::timestamptz + n * interval '1 ms', case when n <= 50 then 'own' end
      from generate_series(1, 5100) as n`
    // As Postgres does by itself, at a moment that nobody knows.
    await h.db`analyze runs, traces`
    const total = async (query: Record<string, string>) =>
      (await get(h, 'observations', query)).meta.totalItems
    const many = filter('traceName', 'string', '=', 'same')
    expect(await total({ filter: many })).toBe(5100)
    expect(
      await total({ filter: filter('sessionId', 'stringOptions', 'any of', ['thread']) }),
    ).toBe(5100)
    expect(await total({ filter: filter('traceName', 'string', '=', 'another') })).toBe(1)
    expect(await total({ filter: filter('sessionId', 'null', 'is null', null) })).toBe(1)
    expect(await total({ filter: filter('traceName', 'stringOptions', 'none of', ['same']) })).toBe(
      1,
    )
    expect((await get(h, 'sessions')).meta.totalItems).toBe(1)
    await h.db`
      insert into feedback (tenant_id, id, v, m, trace_id, run_id, key, score, score_number, value_text, created_at)
      select ${h.tenant.id}, md5('score' || n)::uuid, 1, 0, case when n % 2 = 0 then md5('trace' || n)::uuid end,
        md5('run' || n)::uuid, 'quality', to_json(n % 3), n % 3, 'label', now()
      from generate_series(1, 5100) as n`
    await h.db`analyze feedback`
    for (const [list, query, found] of [
      ['observations', { filter: many }, 5100],
      ['observations', { userId: 'user' }, 5050],
      ['observations', { userId: 'own' }, 50],
      ['traces', { tags: 'all' }, 5100],
      ['traces', { tags: 'all,some' }, 50],
      ['scores', { filter: many }, 5100],
      ['scores', {}, 5100],
      ['scores', { filter: filter('traceName', 'string', '=', 'another') }, 0],
      ['traces', { filter: filter('scores', 'numberObject', '>=', 1, 'quality') }, 3400],
      ['traces', { filter: filter('scores', 'numberObject', '>', 2, 'quality') }, 0],
      ['observations', { filter: filter('scores', 'numberObject', '=', 2, 'quality') }, 1700],
      [
        'traces',
        { filter: filter('score_categories', 'categoryOptions', 'any of', ['label'], 'quality') },
        5100,
      ],
      [
        'traces',
        { filter: filter('score_categories', 'categoryOptions', 'none of', ['label'], 'quality') },
        1,
      ],
    ] as const) {
      // The last page is read by the list itself, and not by a count.
      const [first, last, behind] = await Promise.all(
        [1, Math.ceil(found / 100) || 1, Math.ceil(found / 100) + 1].map(async (page) =>
          get(h, list, { ...query, limit: '100', page: String(page) }),
        ),
      )
      const label = `${list} ${JSON.stringify(query)}`
      expect(first!.data.length, label).toBe(Math.min(100, found))
      expect(last!.data.length, label).toBe(found - Math.max(0, Math.ceil(found / 100) - 1) * 100)
      expect(behind!.data, label).toEqual([])
      for (const { meta } of [first!, last!, behind!]) expect(meta.totalItems, label).toBe(found)
    }
  })

  test('a name is matched in full, however long it is', async () => {
    const h = await harness()
    const long = 'n'.repeat(990)
    await ingestBatch(
      h,
      ['trace-create', { id: 'long', name: `${long}1` }],
      ['trace-create', { id: 'other', name: `${long}2` }],
      ['trace-create', { id: 'short', name: 'n'.repeat(200) }],
    )
    expect(await ids(h, 'traces', { filter: filter('name', 'string', '=', `${long}1`) })).toEqual([
      'long',
    ])
    expect(await ids(h, 'traces', { name: 'n'.repeat(200) })).toEqual(['short'])
  })

  test('a filter of scores sees what the trace shows: its own value when it has one, otherwise that of its root run', async () => {
    const h = await harness()
    const [own, silent] = [randomUUID(), randomUUID()]
    await postRun(h, { id: own, name: 'root', tags: ['of root'] })
    await postRun(h, { id: silent, name: 'root', tags: ['of root'] })
    await ingestBatch(
      h,
      ['trace-create', { id: own, name: 'own', userId: 'u', tags: ['of trace'] }],
      ['trace-create', { id: own, userId: null }],
      ['score-create', { id: 'on own', traceId: own, name: 'x', value: 1 }],
      ['score-create', { id: 'on silent', traceId: silent, name: 'x', value: 1 }],
    )
    const found = async (...condition: Parameters<typeof filter>) =>
      (await ids(h, 'v2/scores', { filter: filter(...condition) })).toSorted()
    expect(await found('traceName', 'string', '=', 'root')).toEqual(['on silent'])
    expect(await found('traceName', 'string', '=', 'own')).toEqual(['on own'])
    expect(await found('userId', 'null', 'is null', null)).toEqual(['on own', 'on silent'])
    expect(await found('trace_tags', 'arrayOptions', 'all of', ['of root', 'of trace'])).toEqual([
      'on own',
    ])
    expect(await found('trace_tags', 'arrayOptions', 'any of', ['of root'])).toEqual([
      'on own',
      'on silent',
    ])
    const { data } = await get(h, 'v2/scores', { scoreIds: 'on own' })
    expect(data[0]!.trace).toMatchObject({ userId: null, tags: ['of root', 'of trace'] })
  })

  test('what a deleted root run said of its trace is removed with it', async () => {
    const h = await harness()
    const session = async (name: string) => (await h.call('POST', '/sessions', { name })).body.id
    const [gone, kept] = [await session('gone'), await session('kept')]
    const [root, child] = [randomUUID(), randomUUID()]
    const dots = ['20260102T030401000000Z', '20260102T030402000000Z']
    const usage = { usage_metadata: { total_cost: 2 } }
    await postRun(h, {
      id: root,
      trace_id: root,
      name: 'root',
      tags: ['t'],
      session_id: gone,
      dotted_order: `${dots[0]}${root}`,
    })
    await postRun(h, {
      id: child,
      trace_id: root,
      parent_run_id: root,
      name: 'child',
      run_type: 'llm',
      session_id: kept,
      outputs: usage,
      dotted_order: `${dots[0]}${root}.${dots[1]}${child}`,
    })
    expect((await get(h, 'traces')).data).toMatchObject([
      { name: 'root', tags: ['t'], totalCost: 2 },
    ])
    expect((await h.call('DELETE', `/sessions/${gone}`)).status).toBe(200)
    await h.drain()
    expect((await get(h, 'traces')).data).toMatchObject([{ name: null, tags: [], totalCost: 2 }])
    expect(await ids(h, 'traces', { name: 'root' })).toEqual([])
  })

  test('a mean score keeps all digits that a client sent', async () => {
    const h = await harness()
    const { body } = await h.call('POST', '/sessions', { name: 's' })
    const score = 0.12345678901234566
    await h.call('POST', '/feedback', { key: 'summary', score, session_id: body.id })
    await h.drain()
    const { body: session } = await h.call('GET', `/sessions/${body.id}?include_stats=true`)
    expect(session.session_feedback_stats.summary.avg).toBe(score)
  })
})
