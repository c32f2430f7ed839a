import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { toEpochMs } from '../../../../src/domain/timestamp.ts'
import { comparisonRows, feedbackOn, second } from '../../../support/comparison-rows.ts'
import { harness, type Answer, type Harness } from '../../../support/harness.ts'
import { traceOf } from '../../../support/run-tree.ts'

const min_start_time = second(0)

/**
 * A project with two threads and a trace in none: `a b/ä` has turns at 10, 20 and 40 s, the second of which failed; `c`
 * has one at 30 s. Another project has a turn of `c` too.
 */
async function world(h: Harness) {
  const rows = comparisonRows(h.db, h.tenant.id)
  const [project, other] = [await rows.experiment(null), await rows.experiment(null)]
  const turn = (at: number, threadId: string | null, patch: object = {}, in_ = project) =>
    traceOf(
      in_,
      at,
      { threadId, inputsPreview: `in ${at}`, outputsPreview: `out ${at}`, ...patch },
      [
        {
          promptTokens: 5,
          totalTokens: 7,
          totalCost: '0.1',
          promptCost: '0.1',
          usageDetails:
            '{"prompt_token_details":{"audio":2,"cache_read":3},"completion_token_details":{"audio":1},"prompt_cost_details":{"audio":"0.1"},"completion_cost_details":{"audio":"0.2"}}',
        },
      ],
    )
  const first = turn(10, thread, { tags: ['new'] })
  const failed = turn(20, thread, { error: '"boom"', endTime: second(40) })
  const last = turn(40, thread, { firstTokenTime: second(41) })
  const single = turn(30, 'c')
  const plain = turn(50, null)
  const elsewhere = turn(60, 'c', {}, other)
  await h.ingest(
    ...[first, failed, last, single, plain, elsewhere].flatMap((trace) => trace.events),
    feedbackOn({ id: first.traceId }, 'correct', 1),
    feedbackOn({ id: last.traceId }, 'correct', 0),
    feedbackOn({ id: last.traceId }, 'mood', null, { valueText: 'good', value: '"good"' }),
  )
  return { project, other, first, failed, last, single, plain }
}

const thread = 'a b/ä'
const path = `/api/v2/threads/${encodeURIComponent(thread)}`

const threadsOf = ({ body }: Answer): string[] =>
  body.items.map((item: { thread_id: string }) => item.thread_id)

const tracesOf = ({ body }: Answer): string[] =>
  body.items.map((item: { trace_id: string }) => item.trace_id)

describe('200 POST /v2/threads/query', () => {
  const url = '/api/v2/threads/query'

  test('threads are summed up over their turns, the one with the newest turn first', async () => {
    const h = await harness()
    const w = await world(h)
    const { body } = await h.call('POST', url, { project_id: w.project, min_start_time })
    expect(body).toEqual({
      items: [
        {
          thread_id: thread,
          count: 3,
          num_errored_turns: 1,
          trace_id: w.last.traceId,
          first_trace_id: w.first.traceId,
          last_trace_id: w.last.traceId,
          start_time: second(40),
          min_start_time: second(10),
          max_start_time: second(40),
          first_inputs: 'in 10',
          last_outputs: 'out 40',
          last_error: 'boom',
          latency_p50: 10,
          latency_p99: expect.closeTo(19.8),
          total_tokens: 21,
          total_cost: 0.3,
          total_token_details: { audio: 9, cache_read: 9 },
          total_cost_details: { audio: 0.9 },
          feedback_stats: {
            correct: { n: 2, avg: 0.5, values: {} },
            mood: { n: 1, values: { good: 1 } },
          },
        },
        expect.objectContaining({ thread_id: 'c', count: 1, num_errored_turns: 0 }),
      ],
      next_cursor: null,
    })
    expect(body.items[1]).not.toHaveProperty('last_error')
  })

  test('only turns in the time count, for the order too', async () => {
    const h = await harness()
    const w = await world(h)
    const body = { project_id: w.project, min_start_time, max_start_time: second(40) }
    const answer = await h.call('POST', url, body)
    expect(threadsOf(answer)).toEqual(['c', thread])
    expect(answer.body.items[1]).toMatchObject({
      count: 2,
      last_trace_id: w.failed.traceId,
      max_start_time: second(20),
    })
    const late = await h.call('POST', url, { project_id: w.project, min_start_time: second(31) })
    expect(late.body.items).toMatchObject([{ thread_id: thread, count: 1, first_inputs: 'in 40' }])
    expect(late.body.items[0]).not.toHaveProperty('last_error')
    h.clock.advance(toEpochMs(second(35)) + 24 * 3600_000 - toEpochMs(h.clock.now()))
    expect(threadsOf(await h.call('POST', url, { project_id: w.project }))).toEqual([thread])
  })

  test('pages lead through all threads, also where several have a turn at one instant', async () => {
    const h = await harness()
    const project = await comparisonRows(h.db, h.tenant.id).experiment(null)
    const turns = ['b', 'B', 'ä', 'a', 'z'].flatMap((threadId) =>
      [1, threadId === 'z' ? 3 : 2, 2].map((at) => traceOf(project, at, { threadId })),
    )
    await h.ingest(...turns.flatMap((trace) => trace.events))
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const answer: Answer = await h.call('POST', url, {
        project_id: project,
        min_start_time,
        page_size: 2,
        cursor,
      })
      expect(answer.body.items.length).toBeLessThanOrEqual(2)
      seen.push(...threadsOf(answer))
      cursor = answer.body.next_cursor
    } while (cursor !== null)
    expect(seen).toEqual(['z', 'B', 'a', 'b', 'ä'])
  })

  test.each<[string, object, string[]]>([
    ['filter: some root run', { filter: 'eq(error, true)' }, [thread]],
    ['filter: no other run', { filter: 'eq(run_type, "llm")' }, []],
    ['trace_filter: some root run', { trace_filter: 'has(tags, "new")' }, [thread]],
    ['tree_filter: any run', { tree_filter: 'eq(run_type, "llm")' }, [thread, 'c']],
    [
      'of several filters each may be met by another turn',
      { filter: 'eq(error, true)', trace_filter: 'has(tags, "new")' },
      [thread],
    ],
    [
      'but not by a turn outside of the time',
      { filter: 'eq(error, true)', min_start_time: second(30) },
      [],
    ],
  ])('%s', async (_name, conditions, expected) => {
    const h = await harness()
    const w = await world(h)
    const answer = await h.call('POST', url, {
      project_id: w.project,
      min_start_time,
      ...conditions,
    })
    expect(threadsOf(answer)).toEqual(expected)
    if (expected.length > 0) expect(answer.body.items[0].count).toBe(3)
  })
})

describe('200 GET /v2/threads/{thread_id}/traces', () => {
  test('the turns are returned newest first, page by page', async () => {
    const h = await harness()
    const w = await world(h)
    const url = `${path}/traces?project_id=${w.project}`
    const first = await h.call('GET', `${url}&page_size=2`)
    expect(first.body).toEqual({
      items: [{ trace_id: w.last.traceId }, { trace_id: w.failed.traceId }],
      next_cursor: expect.any(String),
    })
    const rest = await h.call('GET', `${url}&page_size=2&cursor=${first.body.next_cursor}`)
    expect(rest.body).toEqual({ items: [{ trace_id: w.first.traceId }], next_cursor: null })
    const unknown = await h.call('GET', `/v2/threads/none/traces?project_id=${w.project}`)
    expect(unknown.body).toEqual({ items: [], next_cursor: null })
  })

  test('every name of selects gives the field of that name', async () => {
    const h = await harness()
    const w = await world(h)
    const selects = [
      'THREAD_ID',
      'TRACE_ID',
      'OP',
      'PROMPT_TOKENS',
      'COMPLETION_TOKENS',
      'TOTAL_TOKENS',
      'START_TIME',
      'END_TIME',
      'LATENCY',
      'FIRST_TOKEN_TIME',
      'INPUTS_PREVIEW',
      'OUTPUTS_PREVIEW',
      'INPUTS',
      'OUTPUTS',
      'ERROR',
      'PROMPT_COST',
      'COMPLETION_COST',
      'TOTAL_COST',
      'PROMPT_TOKEN_DETAILS',
      'COMPLETION_TOKEN_DETAILS',
      'PROMPT_COST_DETAILS',
      'COMPLETION_COST_DETAILS',
      'NAME',
      'ERROR_PREVIEW',
      'TURN_NUMBER',
    ]
    const query = selects.map((name) => `selects=${name}`).join('&')
    const { body } = await h.call('GET', `${path}/traces?project_id=${w.project}&${query}`)
    expect(body.items[1]).toEqual({
      thread_id: thread,
      trace_id: w.failed.traceId,
      prompt_tokens: 5,
      completion_tokens: 0,
      total_tokens: 7,
      start_time: second(20),
      end_time: second(40),
      latency: 20,
      inputs_preview: 'in 20',
      outputs_preview: 'out 20',
      inputs: {},
      outputs: {},
      error: 'boom',
      prompt_cost: 0.1,
      total_cost: 0.1,
      name: 'root',
      error_preview: 'boom',
      turn_number: 2,
    })
    expect(body.items[0]).toMatchObject({ first_token_time: second(41), turn_number: 3 })
  })

  test.each<[string, string, (w: Awaited<ReturnType<typeof world>>) => string[]]>([
    ['filter', 'filter=eq(error, true)', (w) => [w.failed.traceId]],
    ['trace_filter', 'trace_filter=has(tags, "new")', (w) => [w.first.traceId]],
    ['both', 'trace_filter=has(tags, "new")&filter=eq(error, true)', () => []],
    [
      'tree_filter',
      'tree_filter=and(eq(run_type, "llm"), lt(start_time, "2026-01-02T00:00:21Z"))',
      (w) => [w.first.traceId],
    ],
  ])(
    '%s; the number of a turn is that in the whole thread',
    async (_name, conditions, expected) => {
      const h = await harness()
      const w = await world(h)
      const query = encodeURI(`project_id=${w.project}&selects=TURN_NUMBER&${conditions}`)
      const answer = await h.call('GET', `${path}/traces?${query}`)
      expect(tracesOf(answer)).toEqual(expected(w))
      for (const item of answer.body.items) {
        expect(item.turn_number).toBe(item.trace_id === w.first.traceId ? 1 : 2)
      }
    },
  )
})

describe('200 statistics', () => {
  test('of one thread', async () => {
    const h = await harness()
    const w = await world(h)
    const selects = [
      'TURNS',
      'FIRST_START_TIME',
      'LAST_START_TIME',
      'LAST_END_TIME',
      'LATENCY_P50',
      'LATENCY_P99',
      'PROMPT_TOKENS',
      'PROMPT_COST',
      'COMPLETION_TOKENS',
      'COMPLETION_COST',
      'TOTAL_TOKENS',
      'TOTAL_COST',
      'PROMPT_TOKEN_DETAILS',
      'COMPLETION_TOKEN_DETAILS',
      'PROMPT_COST_DETAILS',
      'COMPLETION_COST_DETAILS',
      'FEEDBACK_STATS',
    ]
    const query = selects.map((name) => `selects=${name}`).join('&')
    const url = `${path}/stats?session_id=${w.project}`
    expect((await h.call('GET', `${url}&${query}`)).body).toEqual({
      turns: 3,
      first_start_time: second(10),
      last_start_time: second(40),
      last_end_time: second(50),
      latency_p50_seconds: 10,
      latency_p99_seconds: expect.closeTo(19.8),
      prompt_tokens: 15,
      prompt_cost: 0.3,
      completion_tokens: 0,
      total_tokens: 21,
      total_cost: 0.3,
      prompt_token_details: { raw: { audio: 6, cache_read: 9 } },
      completion_token_details: { raw: { audio: 3 } },
      prompt_cost_details: { raw: { audio: 0.3 } },
      completion_cost_details: { raw: { audio: 0.6 } },
      feedback_stats: {
        correct: { n: 2, avg: 0.5, values: {} },
        mood: { n: 1, values: { good: 1 } },
      },
    })
    const filter = encodeURIComponent('eq(error, true)')
    const failed = await h.call('GET', `${url}&selects=TURNS&filter=${filter}`)
    expect(failed.body).toEqual({ turns: 1 })
    const none = `/v2/threads/none/stats?session_id=${w.project}&selects=TURNS&selects=LATENCY_P50`
    expect((await h.call('GET', none)).body).toEqual({ turns: 0 })
  })

  test('of all threads of a project', async () => {
    const h = await harness()
    const w = await world(h)
    const body = {
      project_id: w.project,
      min_start_time,
      select: [
        'THREAD_COUNT',
        'TRACE_COUNT',
        'TOTAL_TOKENS',
        'TOTAL_COST',
        'ERROR_RATE',
        'STREAMING_RATE',
        'LATENCY_P50',
        'MEDIAN_TOKENS',
        'FIRST_TOKEN_P50',
        'PROMPT_TOKEN_DETAILS',
        'COMPLETION_COST_DETAILS',
      ],
    }
    const url = '/api/v2/threads/stats'
    expect((await h.call('POST', url, body)).body).toEqual({
      thread_count: 2,
      trace_count: 4,
      total_tokens: 28,
      total_cost: 0.4,
      error_rate: 0.25,
      streaming_rate: 0.25,
      latency_p50_seconds: 10,
      median_tokens: 7,
      first_token_p50_seconds: 1,
      prompt_token_details: { audio: 8, cache_read: 12 },
      completion_cost_details: { audio: 0.8 },
    })
    const failing = { ...body, select: ['THREAD_COUNT', 'TRACE_COUNT'], filter: 'eq(error, true)' }
    expect((await h.call('POST', url, failing)).body).toEqual({ thread_count: 1, trace_count: 3 })
  })
})

describe('problem details', () => {
  test.each<[string, 'GET' | 'POST', string, object | undefined, number]>([
    ['an unknown project', 'POST', '/v2/threads/query', { project_id: randomUUID() }, 404],
    ['no project', 'POST', '/v2/threads/query', {}, 422],
    ['a broken filter', 'POST', '/v2/threads/query', { filter: '(' }, 400],
    ['a filter of whole threads', 'POST', '/v2/threads/query', { thread_filter: 'gt(n, 1)' }, 422],
    ['a search by a language model', 'POST', '/v2/threads/query', { ai_search: 'x' }, 422],
    ['a forged cursor', 'POST', '/v2/threads/query', { cursor: 'x' }, 400],
    ['no statistic', 'POST', '/v2/threads/stats', { select: [] }, 422],
    ['a series', 'POST', '/v2/threads/stats', { select: ['THREAD_COUNT'], stride: {} }, 422],
    ['no project', 'GET', '/v2/threads/c/traces', undefined, 422],
    [
      'an unknown project',
      'GET',
      `/v2/threads/c/traces?project_id=${randomUUID()}`,
      undefined,
      404,
    ],
    ['no statistic', 'GET', `/v2/threads/c/stats?session_id=${randomUUID()}`, undefined, 422],
    [
      'an unknown project',
      'GET',
      `/v2/threads/c/stats?session_id=${randomUUID()}&selects=TURNS`,
      undefined,
      404,
    ],
  ])('%s: %s %s', async (name, method, url, body, status) => {
    const h = await harness()
    const w = await world(h)
    const project = /project/.test(name) ? {} : { project_id: w.project }
    const answer = await h.call(method, url, body && { ...project, ...body })
    expect(answer).toMatchObject({
      status,
      body: { type: 'about:blank', status, instance: url.split('?')[0] },
    })
    expect(h.errors).toEqual([])
  })
})
