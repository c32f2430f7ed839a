import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { comparisonRows, feedbackOn, second } from '../../support/comparison-rows.ts'
import { harness, type Harness } from '../../support/harness.ts'
import { traceOf } from '../../support/run-tree.ts'

async function world(h: Harness) {
  const rows = comparisonRows(h.db, h.tenant.id)
  const session = await rows.experiment(null)
  const first = traceOf(
    session,
    10,
    // What a parent repeats of its child does not count.
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

  test('no run at all still has statistics', async () => {
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

  test('nobody counts the runs of another tenant', async () => {
    const h = await harness()
    const w = await world(h)
    const other = await h.addTenant()
    const answer = await h.callAs(other, 'POST', '/runs/stats', { session: [w.session] })
    expect(answer.body.run_count).toBe(0)
  })
})

describe('200 /runs/group', () => {
  test('threads come latest first, with how they began and ended', async () => {
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
