import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { comparisonRows, feedbackOn, runEvent, second } from '../../../support/comparison-rows.ts'
import { harness, type Harness } from '../../../support/harness.ts'
import { encode, multipartType } from '../../../support/multipart.ts'
import { traceOf } from '../../../support/run-tree.ts'

interface Shown {
  id: string
  [field: string]: unknown
}

async function query(h: Harness, body: object): Promise<Shown[]> {
  const { status, body: answer } = await h.call('POST', '/runs/query', body)
  expect(answer).toMatchObject({ runs: expect.any(Array) })
  expect(status).toBe(200)
  return answer.runs
}

async function idsOf(h: Harness, body: object): Promise<string[]> {
  return (await query(h, body)).map((run) => run.id)
}

/** Reads pages until there is no further cursor. */
async function pages(h: Harness, body: object): Promise<string[][]> {
  const all: string[][] = []
  let cursor: string | null = null
  do {
    const answer = await h.call('POST', '/runs/query', { ...body, cursor })
    expect(answer.status).toBe(200)
    all.push(answer.body.runs.map((run: Shown) => run.id))
    cursor = answer.body.cursors.next
  } while (cursor !== null)
  return all
}

/** Two sessions, with three traces in the first and one in the second. */
async function world(h: Harness) {
  const rows = comparisonRows(h.db, h.tenant.id)
  const dataset = await rows.dataset()
  const example = await rows.example(dataset)
  const [one, two] = [await rows.experiment(dataset), await rows.experiment(null)]
  const first = traceOf(one, 10, { referenceExampleId: example, tags: ['a'], threadId: 'thread' }, [
    { promptTokens: 3, completionTokens: 4, totalTokens: 7, totalCost: '0.000001' },
    { error: '"boom"', inputs: '{"q":"Needle in hay"}' },
  ])
  const second_ = traceOf(one, 100, { name: 'other', metadata: { k: '"v"' } })
  const third = traceOf(one, 200, { error: '"Error: root"', tags: ['a', 'b'] }, [
    { runType: 'tool' },
  ])
  const away = traceOf(two, 150, {}, [{}])
  await h.ingest(...first.events, ...second_.events, ...third.events, ...away.events)
  return { dataset, example, one, two, first, second: second_, third, away }
}

describe('200: which runs', () => {
  test('a session lists its runs newest first, and so does a whole trace', async () => {
    const h = await harness()
    const w = await world(h)
    expect(await idsOf(h, { session: [w.one] })).toEqual([
      w.third.ids[1],
      w.third.ids[0],
      w.second.ids[0],
      ...w.first.ids.toReversed(),
    ])
    expect(await idsOf(h, { trace: w.first.traceId })).toEqual(w.first.ids.toReversed())
    expect(await idsOf(h, { trace: w.first.traceId, order: 'asc' })).toEqual(w.first.ids)
  })

  test('the runs of several sessions are merged into one order', async () => {
    const h = await harness()
    const w = await world(h)
    const roots = { session: [w.two, w.one, w.two], is_root: true }
    const order = [w.third, w.away, w.second, w.first].map((trace) => trace.traceId)
    expect(await idsOf(h, roots)).toEqual(order)
    expect((await pages(h, { ...roots, limit: 1 })).flat()).toEqual(order)
    expect((await pages(h, { ...roots, limit: 3, order: 'asc' })).flat()).toEqual(
      order.toReversed(),
    )
  })

  test('a run looks the same in the list of its session, of its trace, by id and alone', async () => {
    const h = await harness()
    const w = await world(h)
    await h.ingest(feedbackOn({ id: w.first.ids[1]! }, 'correct', 1))
    const bySession = await query(h, {
      session: [w.one],
      filter: `eq(trace_id, "${w.first.traceId}")`,
    })
    expect(bySession).toHaveLength(3)
    expect(await query(h, { trace: w.first.traceId })).toEqual(bySession)
    expect(await query(h, { id: w.first.ids })).toEqual(bySession)
    for (const run of bySession) {
      expect((await h.call('GET', `/runs/${run.id}`)).body).toEqual(run)
    }
    expect(bySession[2]).toMatchObject({
      parent_run_id: null,
      child_run_ids: [w.first.ids[1], w.first.ids[2]],
      direct_child_run_ids: [w.first.ids[1], w.first.ids[2]],
      total_tokens: 7,
      total_cost: '0.000001',
      reference_dataset_id: w.dataset,
      trace_max_start_time: second(12),
    })
    expect(bySession[1]).toMatchObject({
      feedback_stats: { correct: { n: 1, avg: 1, values: {} } },
      parent_run_ids: [w.first.traceId],
      error: null,
    })
  })

  test('a run without tokens is found as it is shown, with 0 tokens', async () => {
    const h = await harness()
    const w = await world(h)
    const body = { session: [w.one], is_root: true, order: 'asc' }
    const withoutTokens = [w.second.traceId, w.third.traceId]
    expect(await idsOf(h, { ...body, filter: 'eq(total_tokens, 0)' })).toEqual(withoutTokens)
    expect(await idsOf(h, { ...body, filter: 'lt(prompt_tokens, 3)' })).toEqual(withoutTokens)
    expect(await idsOf(h, { ...body, filter: 'neq(completion_tokens, 0)' })).toEqual([
      w.first.traceId,
    ])
  })

  test('feedback on a trace that names no run belongs to the root run, in every view of it', async () => {
    const h = await harness()
    const w = await world(h)
    const { traceId, ids } = w.first
    await h.ingest(
      feedbackOn(null, 'whole', 1, { traceId }),
      feedbackOn(null, 'pair', 1, { traceId, comparativeExperimentId: randomUUID() }),
      feedbackOn({ id: traceId }, 'own', 0),
      feedbackOn({ id: ids[1]! }, 'part', 1, { traceId }),
    )
    const root = {
      own: { n: 1, avg: 0, values: {} },
      whole: { n: 1, avg: 1, values: {} },
    }
    const child = { part: { n: 1, avg: 1, values: {} } }
    const listed = await query(h, { trace: traceId, order: 'asc' })
    expect(listed.map((run) => run['feedback_stats'])).toEqual([root, child, {}])
    for (const run of listed) {
      expect((await h.call('GET', `/runs/${run.id}`)).body).toEqual(run)
    }
    const v2 = await h.call('GET', `/v2/runs/${traceId}?project_id=${w.one}&selects=FEEDBACK_STATS`)
    expect(v2.body).toEqual({ feedback_stats: root })
    const compared = await h.call('POST', `/datasets/${w.dataset}/runs`, { session_ids: [w.one] })
    expect(compared.body[0].runs[0].feedback_stats).toEqual(root)
    const filter = 'eq(feedback_key, "whole")'
    expect(await idsOf(h, { session: [w.one], filter })).toEqual([traceId])
  })

  test.each<[string, (w: Awaited<ReturnType<typeof world>>) => [object, (string | undefined)[]]]>([
    ['is_root', (w) => [{ session: [w.two], is_root: true }, [w.away.ids[0]]]],
    ['is_root as a text', (w) => [{ session: [w.two], is_root: 'true' }, [w.away.ids[0]]]],
    ['is_root false', (w) => [{ session: [w.two], is_root: false }, [w.away.ids[1]]]],
    ['execution_order', (w) => [{ session: [w.two], execution_order: 1 }, [w.away.ids[0]]]],
    ['run_type', (w) => [{ session: [w.one], run_type: 'tool' }, [w.third.ids[1]]]],
    ['error', (w) => [{ session: [w.one], error: true }, [w.third.ids[0], w.first.ids[2]]]],
    ['no error', (w) => [{ session: [w.two], error: false }, w.away.ids.toReversed()]],
    ['parent_run', (w) => [{ parent_run: w.third.ids[0] }, [w.third.ids[1]]]],
    ['reference_example', (w) => [{ reference_example: [w.example] }, [w.first.ids[0]]]],
    ['reference_example, one bare', (w) => [{ reference_example: w.example }, [w.first.ids[0]]]],
    [
      'start_time',
      (w) => [{ session: [w.one], start_time: second(200) }, w.third.ids.toReversed()],
    ],
    ['end_time', (w) => [{ session: [w.one], end_time: second(10) }, [w.first.ids[0]]]],
    ['query', (w) => [{ session: [w.one], query: 'nEEdle' }, [w.first.ids[2]]]],
    ['filter', (w) => [{ session: [w.one], filter: 'has(tags, "b")' }, [w.third.ids[0]]]],
    [
      'search_filter',
      (w) => [{ session: [w.one], search_filter: 'search("boom")' }, [w.first.ids[2]]],
    ],
    [
      'trace_filter looks at the root',
      (w) => [
        { session: [w.one], trace_filter: 'has(tags, "b")' },
        [w.third.ids[1], w.third.ids[0]],
      ],
    ],
    [
      'tree_filter looks at every run',
      (w) => [
        { session: [w.one], is_root: true, tree_filter: 'eq(run_type, "tool")' },
        [w.third.ids[0]],
      ],
    ],
    [
      'all of them together',
      (w) => [
        {
          session: [w.one],
          filter: 'eq(run_type, "llm")',
          trace_filter: 'eq(thread_id, "thread")',
          tree_filter: 'neq(error, null)',
          error: false,
        },
        [w.first.ids[1]],
      ],
    ],
    [
      'id alone counts',
      (w) => [
        { id: [w.away.ids[1], w.first.ids[0]], session: [w.one], error: true },
        [w.away.ids[1], w.first.ids[0]],
      ],
    ],
    [
      'nulls say nothing',
      (w) => [
        {
          session: [w.two],
          id: null,
          trace: null,
          start_time: null,
          select: null,
          limit: null,
          cursor: null,
          error: null,
        },
        w.away.ids.toReversed(),
      ],
    ],
    [
      'unknown keys are ignored',
      (w) => [
        { session: [w.two], session_id: w.one, data_source_type: 'lite' },
        w.away.ids.toReversed(),
      ],
    ],
    ['an unknown session has none', () => [{ session: [randomUUID()] }, []]],
    ['no session at all has none', () => [{ session: [] }, []]],
    ['an unknown id has none', () => [{ id: [randomUUID()] }, []]],
  ])('%s', async (_name, ask) => {
    const h = await harness()
    const [body, expected] = ask(await world(h))
    expect(await idsOf(h, body)).toEqual(expected)
    expect(h.errors).toEqual([])
  })

  test('two conditions on feedback are about the same piece of feedback, on the run itself', async () => {
    const h = await harness()
    const w = await world(h)
    const [a, b] = [{ id: w.first.ids[0]! }, { id: w.second.ids[0]! }]
    await h.ingest(
      feedbackOn(a, 'correct', 0.9),
      feedbackOn(b, 'correct', 0.1),
      feedbackOn(b, 'other', 0.9),
    )
    const filter = 'and(eq(feedback_key, "correct"), gt(feedback_score, 0.5))'
    expect(await idsOf(h, { session: [w.one], is_root: true, filter })).toEqual([a.id])
  })

  test('a run whose create has not arrived is not listed', async () => {
    const h = await harness()
    const w = await world(h)
    await h.ingest(
      runEvent(randomUUID(), { experimentId: w.two, traceId: w.away.traceId, outputs: '{}' }),
    )
    expect(await idsOf(h, { session: [w.two] })).toEqual(w.away.ids.toReversed())
  })

  test('every run type that LangSmith does not know is found as a chain', async () => {
    const h = await harness()
    const rows = comparisonRows(h.db, h.tenant.id)
    const session = await rows.experiment(null)
    const trace = traceOf(session, 1, { runType: 'agent' }, [{ runType: 'llm' }])
    await h.ingest(...trace.events)
    expect(await query(h, { session: [session], run_type: 'chain' })).toMatchObject([
      { id: trace.traceId, run_type: 'chain' },
    ])
  })
})

describe('200 pages', () => {
  test('cursors lead through every run once, in both orders, even when start times are equal', async () => {
    const h = await harness()
    const rows = comparisonRows(h.db, h.tenant.id)
    const session = await rows.experiment(null)
    const traces = Array.from({ length: 23 }, (_, i) => traceOf(session, Math.floor(i / 5)))
    await h.ingest(...traces.flatMap((trace) => trace.events))
    const whole = await idsOf(h, { session: [session] })
    expect(new Set(whole).size).toBe(23)
    for (const limit of [1, 4, 23]) {
      const read = await pages(h, { session: [session], limit })
      expect(read.flat()).toEqual(whole)
      expect(read.slice(0, -1).every((page) => page.length === limit)).toBe(true)
    }
    const backwards = await pages(h, { session: [session], limit: 4, order: 'asc' })
    expect(backwards.flat()).toEqual(whole.toReversed())
  })

  test('a limit above 100 gives pages of 100 with a cursor to the next', async () => {
    const h = await harness()
    const rows = comparisonRows(h.db, h.tenant.id)
    const session = await rows.experiment(null)
    await h.ingest(...Array.from({ length: 103 }, (_, i) => traceOf(session, i).events[0]!))
    const read = await pages(h, { session: [session], limit: 1000 })
    expect(read.map((page) => page.length)).toEqual([100, 3])
  })

  test('runs that arrive meanwhile do not shift the pages', async () => {
    const h = await harness()
    const rows = comparisonRows(h.db, h.tenant.id)
    const session = await rows.experiment(null)
    const traces = [1, 2, 3, 4].map((at) => traceOf(session, at))
    await h.ingest(...traces.flatMap((trace) => trace.events))
    const body = { session: [session], limit: 2 }
    const first = await h.call('POST', '/runs/query', body)
    await h.ingest(...traceOf(session, 9).events)
    const rest = await idsOf(h, { ...body, cursor: first.body.cursors.next })
    expect(rest).toEqual([traces[1]!.traceId, traces[0]!.traceId])
  })

  test('skip_pagination gives a page without a cursor', async () => {
    const h = await harness()
    const w = await world(h)
    const { body } = await h.call('POST', '/runs/query', {
      session: [w.one],
      limit: 1,
      skip_pagination: true,
    })
    expect(body.runs).toHaveLength(1)
    expect(body.cursors).toEqual({ next: null, prev: null })
  })
})

describe('200 select', () => {
  const always = [
    'app_path',
    'dotted_order',
    'id',
    'name',
    'parent_run_id',
    'run_type',
    'session_id',
    'start_time',
    'status',
    'trace_id',
  ]

  test('fields that are not selected are absent, except those that every run shows', async () => {
    const h = await harness()
    const w = await world(h)
    const [run] = await query(h, { id: [w.first.traceId], select: ['tags'] })
    expect(Object.keys(run!).toSorted()).toEqual([...always, 'tags'].toSorted())
    expect((await query(h, { id: [w.first.traceId], select: [] }))[0]).not.toHaveProperty('tags')
  })

  test.each([
    ['inputs', ['s3_urls']],
    ['outputs', ['s3_urls']],
    ['total_tokens', ['prompt_token_details', 'completion_token_details']],
    ['prompt_tokens', ['prompt_token_details']],
    ['completion_tokens', ['completion_token_details']],
    ['total_cost', ['prompt_cost_details', 'completion_cost_details']],
    ['prompt_cost', ['prompt_cost_details']],
    ['completion_cost', ['completion_cost_details']],
  ])('%s brings %j', async (name, more) => {
    const h = await harness()
    const id = randomUUID()
    const details = { input_token_details: { audio: 1 }, output_token_details: { reasoning: 1 } }
    const costs = { input_cost_details: { audio: 1 }, output_cost_details: { reasoning: 1 } }
    const usage = { input_tokens: 3, output_tokens: 2, input_cost: 3, output_cost: 2 }
    const run = {
      id,
      name: 'llm',
      run_type: 'llm',
      start_time: '2026-01-21T14:35:42.000001Z',
      inputs: { q: 1 },
      outputs: { usage_metadata: { ...usage, ...details, ...costs } },
    }
    const sent = [
      { name: `post.${id}`, value: JSON.stringify(run) },
      { name: `attachment.${id}.file`, value: 'text', type: 'text/plain' },
    ]
    const { statusCode } = await h.app.inject({
      method: 'POST',
      url: '/runs/multipart',
      headers: { 'x-api-key': h.tenant.secretKey, 'content-type': multipartType },
      payload: encode(sent),
    })
    expect(statusCode).toBe(202)
    await h.drain()
    const [found] = await query(h, { id: [id], select: [name] })
    expect(Object.keys(found!).toSorted()).toEqual([...always, name, ...more].toSorted())
    for (const one of more) expect(found![one], one).not.toBeNull()
  })

  test('fields that are selected and empty are null', async () => {
    const h = await harness()
    const w = await world(h)
    const select = [
      'outputs',
      'error',
      'end_time',
      'reference_example_id',
      'share_token',
      'price_model_id',
      'extra',
    ]
    const trace = traceOf(w.two, 1, { outputs: null, endTime: null })
    await h.ingest(...trace.events)
    expect((await query(h, { id: [trace.traceId], select }))[0]).toMatchObject(
      Object.fromEntries(select.map((name) => [name, null])),
    )
  })

  test('every name gives the value that the complete run has', async () => {
    const h = await harness()
    const w = await world(h)
    const [whole] = await query(h, { id: [w.first.traceId] })
    for (const name of Object.keys(whole!)) {
      const selectable = {
        trace_min_start_time: 'trace_min_max_start_time',
        trace_max_start_time: 'trace_min_max_start_time',
      }
      const select = [selectable[name as keyof typeof selectable] ?? name]
      if (name === 'execution_order') continue
      const [run] = await query(h, { id: [w.first.traceId], select })
      expect(run![name], name).toEqual(whole![name])
    }
  })

  test('the aliases of the schema give the field that they stand for', async () => {
    const h = await harness()
    const w = await world(h)
    const select = ['inputs_or_signed_url', 'child_run_ids', 'manifest']
    expect((await query(h, { id: [w.third.traceId], select }))[0]).toMatchObject({
      inputs: {},
      child_run_ids: [w.third.ids[1]],
      direct_child_run_ids: [w.third.ids[1]],
      serialized: null,
    })
  })
})

describe('400 and 422', () => {
  test.each<[string, object, number]>([
    ['nothing to look in', {}, 400],
    ['nothing but a filter', { filter: 'eq(is_root, true)' }, 400],
    ['a broken filter', { session: [randomUUID()], filter: 'eq(name' }, 400],
    ['a broken filter beside ids', { id: [randomUUID()], filter: 'eq(name' }, 400],
    ['an unknown attribute', { session: [randomUUID()], tree_filter: 'eq(nonsense, 1)' }, 400],
    ['a broken trace filter', { session: [randomUUID()], trace_filter: ')' }, 400],
    ['a broken search filter', { session: [randomUUID()], search_filter: 'x' }, 400],
    [
      'a filter of calls 1,000 deep',
      { session: [randomUUID()], filter: `${'not('.repeat(1000)}x` },
      400,
    ],
    ['a filter with NUL', { session: [randomUUID()], filter: 'eq(name, "a\\u0000")' }, 400],
    ['a forged cursor', { session: [randomUUID()], cursor: 'eyJhIjoxfQ' }, 400],
    ['a cursor of nonsense', { session: [randomUUID()], cursor: '\0\ud800 %%%' }, 400],
    ['a limit of 0', { session: [randomUUID()], limit: 0 }, 422],
    ['half a limit', { session: [randomUUID()], limit: 1.5 }, 422],
    ['a limit beyond numbers', { session: [randomUUID()], limit: 1e300 }, 422],
    ['a session that is no id', { session: ['x'] }, 422],
    ['a session that is no list', { session: randomUUID() }, 422],
    ['a trace that is no id', { trace: 'x\0' }, 422],
    ['an id that is no id', { id: [1] }, 422],
    ['an unknown run type', { session: [randomUUID()], run_type: 'agent' }, 422],
    ['an unknown name in select', { session: [randomUUID()], select: ['nonsense'] }, 422],
    ['an unknown order', { session: [randomUUID()], order: 'up' }, 422],
    ['a time that is none', { session: [randomUUID()], start_time: 'soon' }, 422],
    ['another execution order', { session: [randomUUID()], execution_order: 2 }, 422],
    ['an error that is no flag', { session: [randomUUID()], error: 'yes' }, 422],
    ['a query that is no text', { session: [randomUUID()], query: 1 }, 422],
  ])('%s', async (_name, body, status) => {
    const h = await harness()
    const answer = await h.call('POST', '/runs/query', body)
    expect(answer).toMatchObject({ status, body: { detail: expect.anything() } })
    expect(h.errors).toEqual([])
  })

  test('a cursor does not work for another tenant, another order or after a modification', async () => {
    const h = await harness()
    const w = await world(h)
    const body = { session: [w.one], limit: 1 }
    const cursor: string = (await h.call('POST', '/runs/query', body)).body.cursors.next
    expect((await h.call('POST', '/runs/query', { ...body, cursor })).status).toBe(200)
    expect((await h.call('POST', '/runs/query', { ...body, order: 'asc', cursor })).status).toBe(
      400,
    )
    const other = await h.addTenant()
    expect((await h.callAs(other, 'POST', '/runs/query', { ...body, cursor })).status).toBe(400)
    for (let i = 0; i < cursor.length; i += 7) {
      const forged = cursor.slice(0, i) + (cursor[i] === 'A' ? 'B' : 'A') + cursor.slice(i + 1)
      expect((await h.call('POST', '/runs/query', { ...body, cursor: forged })).status).toBe(400)
    }
  })

  test('NUL and lone surrogates in a query find nothing and break nothing', async () => {
    const h = await harness()
    const w = await world(h)
    expect(await idsOf(h, { session: [w.one], query: 'a\0\ud800%' })).toEqual([])
    expect(h.errors).toEqual([])
  })
})

describe('404 and isolation', () => {
  test('nobody can find the runs of another tenant, whatever is asked', async () => {
    const h = await harness()
    const w = await world(h)
    const other = await h.addTenant()
    for (const body of [
      { session: [w.one, w.two] },
      { id: w.first.ids },
      { trace: w.first.traceId },
      { parent_run: w.first.traceId },
      { reference_example: [w.example] },
    ]) {
      expect((await h.callAs(other, 'POST', '/runs/query', body)).body.runs).toEqual([])
    }
  })

  test('runs of a deleted session disappear at once', async () => {
    const h = await harness()
    const w = await world(h)
    expect((await h.call('DELETE', `/sessions/${w.two}`)).status).toBe(200)
    for (const body of [{ session: [w.two] }, { id: w.away.ids }, { trace: w.away.traceId }]) {
      expect(await idsOf(h, body)).toEqual([])
    }
  })
})
