import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { comparisonRows, feedbackOn, runEvent, second } from '../../../support/comparison-rows.ts'
import { harness, type Harness } from '../../../support/harness.ts'
import { traceOf } from '../../../support/run-tree.ts'

async function world(h: Harness) {
  const rows = comparisonRows(h.db, h.tenant.id)
  const session = await rows.experiment(null)
  const first = traceOf(
    session,
    10,
    // The parent repeats the usage of its child, which must not count.
    {
      tags: ['a'],
      threadId: 't1',
      inputsPreview: 'hello',
      metadata: { m: '"x"' },
      totalTokens: 999,
    },
    [
      { promptTokens: 3, completionTokens: 4, totalTokens: 7, totalCost: '0.1' },
      { promptTokens: 1, completionTokens: 2, totalTokens: 3, totalCost: '0.2', name: 'child 0' },
    ],
  )
  const next = traceOf(
    session,
    100,
    {
      tags: ['a', 'b'],
      threadId: 't1',
      outputsPreview: 'bye',
      error: '"boom"',
      metadata: { m: '"y"' },
    },
    [{ totalTokens: 5, firstTokenTime: second(102) }],
  )
  const last = traceOf(session, 200, { name: 'other', threadId: 't2', endTime: null })
  await h.ingest(...first.events, ...next.events, ...last.events)
  await h.ingest(
    feedbackOn({ id: first.traceId }, 'correct', 1, { value: '"yes"', valueText: 'yes' }),
    feedbackOn({ id: next.traceId }, 'correct', 0),
    feedbackOn({ id: last.ids[0]! }, 'other', 1, { comparativeExperimentId: randomUUID() }),
  )
  return { session, first, next, last }
}

/** A model's run below a parent, as a client sends it, or a root run. */
function childOf(session: string, parent: { id: string; dotted_order: string } | null, n: number) {
  const id = randomUUID()
  const order = `20260102T00000${n}000000Z${id}`
  const trace = parent === null ? {} : { parent_run_id: parent.id }
  return {
    id,
    ...trace,
    trace_id: parent?.id ?? id,
    dotted_order: parent === null ? order : `${parent.dotted_order}.${order}`,
    session_id: session,
    name: `run ${n}`,
    run_type: 'llm',
    start_time: second(n),
    end_time: second(n + 1),
    inputs: {},
  }
}

async function stats(h: Harness, body: object) {
  const answer = await h.call('POST', '/runs/stats', body)
  expect(answer.status).toBe(200)
  return answer.body
}

describe('200 /runs/stats', () => {
  test('a session counts every token once, with exact costs', async () => {
    const h = await harness()
    const w = await world(h)
    const { text } = await h.call('POST', '/runs/stats', { session: [w.session] })
    expect(text).toContain('"total_cost":0.3,')
    expect(JSON.parse(text)).toEqual({
      run_count: 6,
      latency_p50: 1,
      latency_p99: expect.closeTo(10, 1),
      latency_avg: 23 / 5,
      first_token_p50: 1.5,
      first_token_p99: expect.closeTo(2, 1),
      total_tokens: 15,
      prompt_tokens: 4,
      completion_tokens: 6,
      median_tokens: 5,
      completion_tokens_p50: 6,
      prompt_tokens_p50: 4,
      tokens_p99: 10,
      completion_tokens_p99: 6,
      prompt_tokens_p99: 4,
      last_run_start_time: second(200),
      feedback_stats: { correct: { n: 2, avg: 0.5, values: { yes: 1 } } },
      run_facets: [],
      error_rate: 1 / 6,
      streaming_rate: 2 / 6,
      total_cost: 0.3,
      prompt_cost: null,
      completion_cost: null,
      cost_p50: 0.3,
      cost_p99: 0.3,
      prompt_token_details: null,
      completion_token_details: null,
      prompt_cost_details: null,
      completion_cost_details: null,
    })
  })

  test('the sums of a session are those of its roots, and of its models', async () => {
    const h = await harness()
    const w = await world(h)
    const session = [w.session]
    const sums = { total_tokens: 15, prompt_tokens: 4, completion_tokens: 6, total_cost: 0.3 }
    expect(await stats(h, { session })).toMatchObject(sums)
    expect(await stats(h, { session, is_root: true })).toMatchObject({ ...sums, run_count: 3 })
    expect(await stats(h, { session, run_type: 'llm' })).toMatchObject({ ...sums, run_count: 3 })
    expect(await stats(h, { session, filter: 'eq(name, "child 0")' })).toMatchObject({
      ...sums,
      run_count: 3,
    })
  })

  test('a trace with several roots counts once, whichever of them are counted', async () => {
    const h = await harness()
    const session = await comparisonRows(h.db, h.tenant.id).experiment(null)
    const usage = (totalTokens: number, totalCost: string): object => ({ totalTokens, totalCost })
    const { events, traceId } = traceOf(session, 10, { runType: 'llm', ...usage(52, '0.1') })
    const other = (at: number, name: string, rest: object) =>
      runEvent(randomUUID(), {
        traceId,
        experimentId: session,
        parentRunId: null,
        runType: 'llm',
        name,
        startTime: second(at),
        endTime: second(at + 1),
        inputs: '{}',
        ...rest,
      })
    const next = other(30, 'next', usage(84, '0.3'))
    await h.ingest(
      ...events,
      next,
      other(40, 'failed', { error: '"it failed"' }),
      feedbackOn(null, 'whole', 1, { traceId }),
    )
    const rows = await h.call('POST', '/runs/query', { session: [session], order: 'asc' })
    const shown = (run: Record<string, unknown>): unknown[] => [run.total_tokens, run.total_cost]
    expect(rows.body.runs.map(shown)).toEqual([
      [136, '0.4'],
      [84, '0.3'],
      [0, null],
    ])
    expect(shown((await h.call('GET', `/runs/${next.id}`)).body)).toEqual([84, '0.3'])
    const bySize = { session: [session], filter: 'gt(total_tokens, 100)' }
    expect((await h.call('POST', '/runs/query', bySize)).body.runs).toHaveLength(1)

    const whole = {
      total_tokens: 136,
      median_tokens: 136,
      total_cost: 0.4,
      cost_p50: 0.4,
      feedback_stats: { whole: { n: 1, avg: 1, values: {} } },
    }
    for (const [rest, run_count] of [
      [{}, 3],
      [{ is_root: true }, 3],
      [{ run_type: 'llm' }, 3],
      [{ filter: 'neq(name, "root")' }, 2],
      [{ error: true }, 1],
    ] as const) {
      expect(await stats(h, { session: [session], ...rest })).toMatchObject({ ...whole, run_count })
    }
    const groups = await stats(h, { session: [session], group_by: { attribute: 'run_type' } })
    expect(groups).toEqual({ llm: expect.objectContaining(whole) })
    const project = await h.call('GET', `/sessions/${session}?include_stats=true`)
    expect(project.body).toMatchObject({ total_tokens: 136, run_count: 3 })
    const trace = await h.call('GET', `/api/public/traces/${traceId}`)
    expect(trace.body.totalCost).toBe(0.4)
  })

  test('there are statistics even when there are no runs', async () => {
    const h = await harness()
    const w = await world(h)
    const none = {
      run_count: 0,
      total_tokens: 0,
      error_rate: null,
      feedback_stats: {},
      latency_p50: null,
    }
    expect(await stats(h, { session: [randomUUID()] })).toMatchObject(none)
    expect(await stats(h, { session: [w.session], filter: 'eq(name, "nothing")' })).toMatchObject(
      none,
    )
  })

  test.each<[string, object, Record<string, number>]>([
    ['name', { group_by: { attribute: 'name' } }, { 'child 0': 3, root: 2, other: 1 }],
    ['run type', { group_by: { attribute: 'run_type' } }, { chain: 3, llm: 3 }],
    ['tag', { group_by: { attribute: 'tag' } }, { a: 2, b: 1 }],
    ['metadata', { group_by: { attribute: 'metadata', path: 'm' } }, { x: 1, y: 1 }],
    ['the largest', { group_by: { attribute: 'name', max_groups: 1 } }, { 'child 0': 3 }],
    ['named groups', { group_by: { attribute: 'name' }, groups: ['other', 'none'] }, { other: 1 }],
    [
      'runs without a tag',
      { group_by: { attribute: 'tag' }, groups: [null, 'b'] },
      { null: 4, b: 1 },
    ],
    ['nothing to group', { group_by: { attribute: 'metadata', path: 'none' } }, {}],
  ])('groups by %s', async (_name, body, counts) => {
    const h = await harness()
    const w = await world(h)
    const groups = await stats(h, { session: [w.session], ...body })
    expect(
      Object.fromEntries(
        Object.entries<{ run_count: number }>(groups).map(([key, group]) => [key, group.run_count]),
      ),
    ).toEqual(counts)
  })

  test('every group has its own sums and feedback', async () => {
    const h = await harness()
    const w = await world(h)
    expect(await stats(h, { session: [w.session], group_by: { attribute: 'tag' } })).toMatchObject({
      a: { total_tokens: 15, feedback_stats: { correct: { n: 2, avg: 0.5 } } },
      b: { total_tokens: 5, error_rate: 1, feedback_stats: { correct: { n: 1, avg: 0 } } },
    })
  })

  test('feedback on a trace counts once, for its root run, and for no other run', async () => {
    const h = await harness()
    const session = await comparisonRows(h.db, h.tenant.id).experiment(null)
    const { events, traceId } = traceOf(session, 10, {}, [{}])
    await h.ingest(...events, feedbackOn(null, 'whole', 1, { traceId }))
    const whole = { whole: { n: 1, avg: 1, values: {} } }
    const counted = async (rest: object = {}) =>
      (await stats(h, { session: [session], ...rest })).feedback_stats
    expect(await counted()).toEqual(whole)
    expect(await counted({ is_root: true })).toEqual(whole)
    expect(await counted({ is_root: false })).toEqual({})
    const byType = await stats(h, { session: [session], group_by: { attribute: 'run_type' } })
    expect(byType.chain.feedback_stats).toEqual(whole)
    expect(byType.llm.feedback_stats).toEqual({})
  })

  test('the details of tokens and costs add up exactly, and what parents repeat does not count', async () => {
    const h = await harness()
    const session = [await comparisonRows(h.db, h.tenant.id).experiment(null)]
    const usage = (cached: number, cost: string, rest: object = {}) => ({
      usage_metadata: {
        input_tokens: 10,
        output_tokens: 5,
        input_token_details: { cache_read: cached, ...rest },
        output_token_details: { reasoning: 1 },
        input_cost_details: { cache_read: cost },
      },
    })
    const root = { ...childOf(session[0]!, null, 0), run_type: 'chain', outputs: usage(7, '7') }
    const first = { ...childOf(session[0]!, root, 1), outputs: usage(2, '0.0000001') }
    const hostile = { audio: 4, '\0\ud800': 1 }
    const next = { ...childOf(session[0]!, root, 2), outputs: usage(3, '2e-7', hostile) }
    const post = [root, first, next]
    expect((await h.call('POST', '/runs/batch', { post })).status).toBe(202)
    await h.drain()

    const expected = {
      prompt_token_details: { cache_read: 5, audio: 4, '\ufffd\ufffd': 1 },
      completion_token_details: { reasoning: 2 },
      prompt_cost_details: { cache_read: 0.0000003 },
      completion_cost_details: null,
    }
    const { text } = await h.call('POST', '/runs/stats', { session })
    expect(text).toContain('"prompt_cost_details":{"cache_read": 0.0000003}')
    expect(JSON.parse(text)).toMatchObject(expected)
    expect(await stats(h, { session, is_root: true })).toMatchObject(expected)
    expect(await stats(h, { session, run_type: 'llm' })).toMatchObject(expected)
    const byName = await stats(h, { session, group_by: { attribute: 'name' } })
    expect(byName['run 1'].prompt_token_details).toEqual({ cache_read: 2 })
    const read = (await h.call('GET', `/runs/${first.id}`)).body
    expect(read).toMatchObject({
      prompt_token_details: { cache_read: 2 },
      prompt_cost_details: { cache_read: '0.0000001' },
      completion_cost_details: null,
    })
    expect(h.errors).toEqual([])
  })

  test("details that Langfuse's clients count are shown under LangSmith's names", async () => {
    const h = await harness()
    const id = randomUUID()
    const body = {
      id,
      traceId: randomUUID(),
      startTime: '2026-01-02T00:00:00Z',
      usageDetails: { input: 3, input_cached: 2, output: 4, output_reasoning: 1, other: 9 },
      costDetails: { input: 0.1, input_cached: 0.25, total: 0.35 },
    }
    const event = { id: randomUUID(), type: 'generation-create', timestamp: body.startTime, body }
    await h.call('POST', '/api/public/ingestion', { batch: [event] })
    await h.drain()
    const run = (await h.call('GET', `/runs/${id}`)).body
    const tokens = {
      prompt_token_details: { cached: 2 },
      completion_token_details: { reasoning: 1 },
      completion_cost_details: null,
    }
    expect(run).toMatchObject({ ...tokens, prompt_cost_details: { cached: '0.25' } })
    const listed = await h.call('POST', '/runs/query', { id: [id] })
    expect(listed.body.runs).toEqual([run])
    expect(await stats(h, { id: [id] })).toMatchObject({
      ...tokens,
      prompt_cost_details: { cached: 0.25 },
    })
    const selects = 'selects=PROMPT_TOKEN_DETAILS&selects=PROMPT_COST_DETAILS'
    const v2 = await h.call('GET', `/v2/runs/${id}?project_id=${run.session_id}&${selects}`)
    expect(v2.body).toEqual({
      prompt_token_details: { raw: { cached: 2 } },
      prompt_cost_details: { raw: { cached: 0.25 } },
    })
  })

  test.each<[string, string[] | null, string[]]>([
    ['null', null, ['run_count', 'feedback_stats', 'latency_p50', 'total_tokens', 'cost_p99']],
    ['nothing', [], ['run_count', 'feedback_stats', 'latency_p50', 'total_tokens', 'cost_p99']],
    ['all_run_stats', ['all_run_stats'], ['run_count', 'feedback_stats', 'total_tokens']],
    ['one', ['run_count'], ['run_count']],
    ['several', ['latency_p50', 'feedback_stats'], ['latency_p50', 'feedback_stats']],
    [
      'all_token_stats',
      ['all_token_stats'],
      [
        'total_tokens',
        'prompt_tokens',
        'completion_tokens',
        'median_tokens',
        'tokens_p99',
        'completion_tokens_p50',
        'prompt_tokens_p50',
        'completion_tokens_p99',
        'prompt_tokens_p99',
        'total_cost',
        'cost_p50',
        'cost_p99',
      ],
    ],
    ['what the vendor counts by thread', ['thread_feedback_stats'], []],
  ])('selecting %s returns only that', async (_name, select, names) => {
    const h = await harness()
    const w = await world(h)
    const all = await stats(h, { session: [w.session] })
    const some = await stats(h, { session: [w.session], select })
    expect(Object.keys(some)).toEqual(Object.keys(all))
    const shown = Object.entries(some).filter(([, value]) => value !== null)
    for (const [name, value] of shown) expect([name, value]).toEqual([name, all[name]])
    if (select === null || select.length === 0 || select.includes('all_run_stats')) {
      expect(some).toEqual(all)
    } else {
      expect(shown.map(([name]) => name).toSorted()).toEqual(names.toSorted())
    }
    const group_by = { attribute: 'tag' }
    const grouped = await stats(h, { session: [w.session], select, group_by })
    for (const name of names) expect(grouped.b).toHaveProperty(name)
    expect(grouped.b.run_count).toBe(some.run_count === null ? null : 1)
  })

  test('nobody can count the runs of another tenant', async () => {
    const h = await harness()
    const w = await world(h)
    const other = await h.addTenant()
    const answer = await h.callAs(other, 'POST', '/runs/stats', { session: [w.session] })
    expect(answer.body.run_count).toBe(0)
  })
})

describe('200 /runs/group', () => {
  test('threads are listed latest first, with how they began and ended', async () => {
    const h = await harness()
    const w = await world(h)
    const body = { session_id: w.session, group_by: 'conversation' }
    const answer = await h.call('POST', '/runs/group', body)
    expect(answer).toMatchObject({
      status: 200,
      body: {
        total: 2,
        groups: [
          { group_key: 't2', count: 1, min_start_time: second(200), last_error: null },
          {
            group_key: 't1',
            filter: 'eq(thread_id, "t1")',
            count: 2,
            total_tokens: 15,
            total_cost: 0.3,
            min_start_time: second(10),
            max_start_time: second(100),
            latency_p50: 10,
            feedback_stats: { correct: { n: 2, avg: 0.5 } },
            first_inputs: 'hello',
            last_outputs: 'bye',
            last_error: 'boom',
          },
        ],
      },
    })
    const filter = answer.body.groups[1].filter
    const runs = await h.call('POST', '/runs/query', {
      session: [w.session],
      is_root: true,
      filter,
    })
    expect(runs.body.runs).toHaveLength(2)
    const second_ = await h.call('POST', '/runs/group', { ...body, offset: 1, limit: 1 })
    expect(second_.body.groups).toEqual([answer.body.groups[1]])
    const failed = await h.call('POST', '/runs/group', { ...body, filter: 'neq(error, null)' })
    expect(failed.body.groups).toMatchObject([{ group_key: 't1', count: 1 }])
  })

  test('statistics count the threads', async () => {
    const h = await harness()
    const w = await world(h)
    const body = { session_id: w.session, group_by: 'conversation' }
    expect((await h.call('POST', '/runs/group/stats', body)).body).toMatchObject({
      group_count: 2,
      run_count: 3,
      total_tokens: 15,
    })
    const other = await h.addTenant()
    const theirs = await h.callAs(other, 'POST', '/runs/group', body)
    expect(theirs.body).toEqual({ groups: [], total: 0 })
  })
})

describe('400 and 422', () => {
  const session = [randomUUID()]
  test.each<[string, string, object, number]>([
    ['nothing to look in', '/runs/stats', {}, 400],
    ['a broken filter', '/runs/stats', { session, filter: 'eq(' }, 400],
    ['grouping by nonsense', '/runs/stats', { session, group_by: { attribute: 'x' } }, 422],
    [
      'metadata without a key',
      '/runs/stats',
      { session, group_by: { attribute: 'metadata' } },
      422,
    ],
    ['no groups', '/runs/stats', { session, group_by: { attribute: 'name', max_groups: 0 } }, 422],
    ['a statistic that nobody counts', '/runs/stats', { session, select: ['nonsense'] }, 422],
    ['a selection that is no list', '/runs/stats', { session, select: 'run_count' }, 422],
    ['groups that are no texts', '/runs/stats', { session, groups: [1] }, 422],
    ['threads of no session', '/runs/group', { group_by: 'conversation' }, 422],
    ['another kind of group', '/runs/group', { session_id: session[0], group_by: 'x' }, 422],
    [
      'a broken filter of threads',
      '/runs/group',
      { session_id: session[0], group_by: 'conversation', filter: ')' },
      400,
    ],
    [
      'too many threads',
      '/runs/group',
      { session_id: session[0], group_by: 'conversation', limit: 101 },
      422,
    ],
    [
      'an offset below 0',
      '/runs/group/stats',
      { session_id: session[0], group_by: 'conversation', offset: -1 },
      422,
    ],
  ])('%s', async (_name, url, body, status) => {
    const h = await harness()
    expect((await h.call('POST', url, body)).status).toBe(status)
    expect(h.errors).toEqual([])
  })

  test('NUL and lone surrogates in group names break nothing', async () => {
    const h = await harness()
    const w = await world(h)
    const body = {
      session: [w.session],
      group_by: { attribute: 'metadata', path: 'a\0\ud800' },
      groups: ['\0'],
    }
    expect(await stats(h, body)).toEqual({})
    expect(h.errors).toEqual([])
  })
})
