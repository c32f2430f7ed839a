import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  comparisonRows,
  feedbackOn,
  runEvent,
  second,
  traceEvent,
} from '../../../support/comparison-rows.ts'
import { harness, type Harness } from '../../../support/harness.ts'
import { traceOf } from '../../../support/run-tree.ts'

/** Two experiments: one has three traces whose runs are its own, the other links runs of another project. */
async function world(h: Harness) {
  const rows = comparisonRows(h.db, h.tenant.id)
  const dataset = await rows.dataset()
  const example = await rows.example(dataset)
  const [own, linking] = [await rows.experiment(dataset), await rows.experiment(dataset)]
  const project = await rows.experiment(null)
  const fast = traceOf(own, 10, { name: 'fast', tags: ['a'], endTime: second(12) }, [
    { promptTokens: 3, completionTokens: 4, totalTokens: 7, totalCost: '0.1' },
    { totalTokens: 1, totalCost: '0.2', firstTokenTime: second(11) },
  ])
  const slow = traceOf(own, 100, { name: 'slow', tags: ['a', 'b'], endTime: second(106) }, [
    { totalTokens: 5, promptCost: '0.0000001' },
  ])
  const failed = traceOf(own, 200, { name: 'slow', error: '"boom"' })
  const linked = traceOf(project, 50, { name: 'linked' }, [{ totalTokens: 2 }])
  await h.ingest(...fast.events, ...slow.events, ...failed.events, ...linked.events)
  await h.ingest(
    feedbackOn({ id: fast.traceId }, 'correct', 1, { experimentId: own }),
    feedbackOn({ id: slow.traceId }, 'correct', 0, { value: '"no"', valueText: 'no' }),
    feedbackOn({ id: slow.ids[1]! }, 'child', 0.5),
    feedbackOn(null, 'whole', 1, { traceId: fast.traceId }),
    feedbackOn(null, 'whole', 0, { traceId: linked.traceId, experimentId: linking }),
    feedbackOn(null, 'summary', 0.25, { experimentId: own }),
  )
  for (const runId of [linked.traceId, linked.ids[1]]) {
    await h.call('POST', '/api/public/dataset-run-items', {
      runName: (await h.call('GET', `/sessions/${linking}`)).body.name,
      datasetItemId: example,
      traceId: linked.traceId,
      ...(runId === linked.traceId ? {} : { observationId: runId }),
    })
  }
  await h.drain()
  return { own, linking, fast, slow, failed }
}

type Session = Record<string, unknown>

async function list(h: Harness, query: Record<string, string | string[]>): Promise<Session[]> {
  const parameters = new URLSearchParams({ include_stats: 'true', sort_by: 'name' })
  for (const [key, value] of Object.entries(query)) {
    parameters.delete(key)
    for (const each of [value].flat()) parameters.append(key, each)
  }
  const answer = await h.call('GET', `/sessions?${parameters.toString()}`)
  expect([answer.status, answer.text]).toEqual([200, expect.any(String)])
  return answer.body
}

async function one(
  h: Harness,
  id: string,
  query: Record<string, string | string[]>,
): Promise<Session> {
  const [session] = await list(h, { id, ...query })
  return session!
}

describe('200 stats_filter', () => {
  test('a filter that every run matches counts the same as no filter, for linked runs as well', async () => {
    const h = await harness()
    const w = await world(h)
    const plain = await list(h, {})
    const everything = 'or(eq(is_root, true), eq(is_root, false))'
    expect(await list(h, { stats_filter: everything })).toEqual(plain)
    expect(await list(h, { stats_start_time: second(0) })).toEqual(plain)
    const linking = plain.find((session) => session['id'] === w.linking)!
    expect(linking).toMatchObject({
      run_count: 2,
      total_tokens: 2,
      feedback_stats: { whole: { n: 1, avg: 0 } },
    })
  })

  test('only executions whose run matches are counted, with their whole traces', async () => {
    const h = await harness()
    const w = await world(h)
    expect(await one(h, w.own, { stats_filter: 'eq(name, "fast")' })).toMatchObject({
      run_count: 1,
      latency_p50: 2,
      latency_p99: 2,
      first_token_p50: 1,
      total_tokens: 8,
      prompt_tokens: 3,
      completion_tokens: 4,
      total_cost: '0.3',
      prompt_cost: null,
      last_run_start_time: second(10),
      last_run_start_time_live: second(200),
      error_rate: 0,
      streaming_rate: 1,
      feedback_stats: {
        correct: { n: 1, avg: 1, values: {} },
        whole: { n: 1, avg: 1, values: {} },
      },
      // This feedback is on the experiment, not on any run.
      session_feedback_stats: { summary: { n: 1, avg: 0.25, values: {} } },
      test_run_number: expect.any(Number),
    })
    const pair = 'and(eq(feedback_key, "correct"), lt(feedback_score, 0.5))'
    const session = await one(h, w.own, { stats_filter: pair })
    expect(session).toMatchObject({
      run_count: 1,
      total_tokens: 5,
      prompt_cost: '0.0000001',
      error_rate: 0,
      streaming_rate: 0,
    })
    expect(session['feedback_stats']).toEqual({
      correct: { n: 1, avg: 0, values: { no: 1 } },
      child: { n: 1, avg: 0.5, values: {} },
    })
  })

  test('when nothing matches, nothing is counted', async () => {
    const h = await harness()
    const w = await world(h)
    expect(await one(h, w.own, { stats_filter: 'eq(name, "nothing")' })).toMatchObject({
      run_count: 0,
      latency_p50: null,
      total_tokens: 0,
      total_cost: null,
      error_rate: null,
      streaming_rate: null,
      last_run_start_time: null,
      feedback_stats: {},
    })
  })

  test('without include_stats the number of runs is that of all runs', async () => {
    const h = await harness()
    const w = await world(h)
    const query = { stats_filter: 'eq(name, "fast")', stats_select: 'latency_p50' }
    const session = await one(h, w.own, { ...query, include_stats: 'false' })
    expect(session).toMatchObject({ run_count: 3, latency_p50: null, feedback_stats: null })
  })
})

describe('200 stats_start_time', () => {
  test('counts what started at that time or later, in the list and for a single session', async () => {
    const h = await harness()
    const w = await world(h)
    const later = await one(h, w.own, { stats_start_time: second(100) })
    expect(later).toMatchObject({ run_count: 2, total_tokens: 5, error_rate: 0.5 })
    const url = `/sessions/${w.own}?include_stats=true&stats_start_time=${second(100)}`
    expect((await h.call('GET', url)).body).toEqual(later)
    const both = { stats_start_time: second(101), stats_filter: 'eq(name, "slow")' }
    expect(await one(h, w.own, both)).toMatchObject({ run_count: 1, error_rate: 1 })
    const plain = (await h.call('GET', `/sessions/${w.own}?stats_start_time=${second(100)}`)).body
    expect(plain).toMatchObject({ run_count: 3, latency_p50: null })
  })
})

describe('200 stats_select', () => {
  test('returns what is selected, and the number of runs', async () => {
    const h = await harness()
    const w = await world(h)
    const all = await one(h, w.own, {})
    const some = await one(h, w.own, { stats_select: ['latency_p50', 'feedback_stats'] })
    expect(Object.keys(some)).toEqual(Object.keys(all))
    expect(some).toMatchObject({
      run_count: 3,
      latency_p50: all['latency_p50'],
      feedback_stats: all['feedback_stats'],
      session_feedback_stats: null,
      total_tokens: null,
      error_rate: null,
      test_run_number: all['test_run_number'],
    })
    expect(await one(h, w.own, { stats_select: 'all_run_stats' })).toEqual(all)
    expect(await one(h, w.own, { stats_select: 'all_token_stats' })).toMatchObject({
      total_tokens: all['total_tokens'],
      total_cost: all['total_cost'],
      latency_p50: null,
    })
    expect(await one(h, w.own, { stats_select: 'nonsense' })).toMatchObject({
      run_count: 3,
      total_tokens: null,
    })
  })
})

describe('200 facets', () => {
  test('each is a filter that matches the stated number of executions', async () => {
    const h = await harness()
    const w = await world(h)
    const facets = (await one(h, w.own, { facets: 'true' }))['run_facets'] as {
      key: string
      value: string
      query: string
      n: number
    }[]
    expect(facets).toEqual([
      { key: 'name', value: 'slow', query: 'eq(name, "slow")', n: 2 },
      { key: 'name', value: 'fast', query: 'eq(name, "fast")', n: 1 },
      { key: 'run_type', value: 'chain', query: 'eq(run_type, "chain")', n: 3 },
      { key: 'status', value: 'success', query: 'eq(status, "success")', n: 2 },
      { key: 'status', value: 'error', query: 'eq(status, "error")', n: 1 },
      { key: 'tags', value: 'a', query: 'has(tags, "a")', n: 2 },
      { key: 'tags', value: 'b', query: 'has(tags, "b")', n: 1 },
    ])
    for (const { query, n } of facets) {
      expect([query, (await one(h, w.own, { stats_filter: query }))['run_count']]).toEqual([
        query,
        n,
      ])
    }
    const narrowed = { facets: 'true', stats_filter: 'has(tags, "b")', include_stats: 'false' }
    expect((await one(h, w.own, narrowed))['run_facets']).toMatchObject([
      { value: 'slow', n: 1 },
      { value: 'chain', n: 1 },
      { value: 'success', n: 1 },
      { value: 'a', n: 1 },
      { value: 'b', n: 1 },
    ])
    expect((await one(h, w.own, {}))['run_facets']).toEqual([])
  })

  test('of many values the ten most frequent are shown, quoted so that they can be parsed again', async () => {
    const h = await harness()
    const session = await comparisonRows(h.db, h.tenant.id).experiment(null)
    const names = Array.from({ length: 12 }, (_, i) => `n${i} "\\ü`)
    const roots = [...names, names[11]!].map((name, i) => traceOf(session, i, { name }))
    await h.ingest(...roots.flatMap(({ events }) => events))
    const facets = (await one(h, session, { facets: 'true' }))['run_facets'] as {
      key: string
      query: string
      n: number
    }[]
    const shown = facets.filter(({ key }) => key === 'name')
    expect(shown).toHaveLength(10)
    expect(shown[0]).toMatchObject({ value: names[11], n: 2 })
    for (const { query, n } of shown) {
      expect((await one(h, session, { stats_filter: query }))['run_count']).toBe(n)
    }
  })

  test('a session without runs has none, nor has a list without sessions', async () => {
    const h = await harness()
    const session = await comparisonRows(h.db, h.tenant.id).experiment(null)
    const query = { facets: 'true', stats_filter: 'eq(name, "x")' }
    expect((await one(h, session, query))['run_facets']).toEqual([])
    expect(await list(h, { ...query, name: 'nothing' })).toEqual([])
  })
})

describe('statistics of some runs', () => {
  test('feedback on a trace counts at once, both for its own session and for those that link the trace', async () => {
    const h = await harness()
    const w = await world(h)
    const { traceId } = w.slow
    const before = await list(h, {})
    expect(before.find(({ id }) => id === w.own)!['feedback_stats']).not.toHaveProperty('late')
    await h.call('POST', '/feedback', { key: 'late', score: 1, trace_id: traceId, run_id: null })
    await h.drain()
    const late = { late: { n: 1, avg: 1, values: {} } }
    expect((await one(h, w.own, {}))['feedback_stats']).toMatchObject(late)
    expect(await list(h, { stats_start_time: second(0) })).toEqual(await list(h, {}))
  })

  test('a run of which only an update has arrived, or of another tenant, is not counted', async () => {
    const h = await harness()
    const w = await world(h)
    const stranger = await h.addTenant()
    const theirs = await h.callAs(stranger, 'GET', `/sessions?id=${w.own}&include_stats=true`)
    expect(theirs.body).toEqual([])
    const id = randomUUID()
    await h.ingest(traceEvent(id, {}), runEvent(id, { traceId: id, outputs: '{}' }))
    expect(await one(h, w.own, { stats_start_time: second(0) })).toMatchObject({ run_count: 3 })
    expect(h.errors).toEqual([])
  })

  test('two sessions in one list are counted separately', async () => {
    const h = await harness()
    const w = await world(h)
    const sessions = await list(h, { stats_filter: 'gt(start_time, "2026-01-02T00:00:20Z")' })
    const counts = new Map(sessions.map((session) => [session['id'], session['run_count']]))
    expect([counts.get(w.own), counts.get(w.linking)]).toEqual([2, 2])
  })
})

describe('400 and 422', () => {
  test('a filter that does not parse is 400 with its position, whatever else is asked', async () => {
    const h = await harness()
    for (const filter of ['eq(', 'eq(nothing, 1)', 'gt(start_time, "yesterday")', 'name']) {
      for (const rest of ['', '&include_stats=true', '&tag_value_id=']) {
        const url = `/sessions?stats_filter=${encodeURIComponent(filter)}${rest}`
        const { status, body } = await h.call('GET', url)
        if (rest === '&tag_value_id=') expect([url, status]).toEqual([url, 422])
        else
          expect([url, status, body.detail]).toEqual([
            url,
            400,
            expect.stringMatching(/^stats_filter: /),
          ])
      }
    }
    expect(h.errors).toEqual([])
  })

  test('every kind of wrong input is refused', async () => {
    const h = await harness()
    const session = await comparisonRows(h.db, h.tenant.id).experiment(null)
    for (const url of [
      '/sessions?stats_start_time=yesterday',
      '/sessions?stats_start_time=',
      '/sessions?facets=maybe',
      '/sessions?use_approx_stats=2',
      `/sessions/${session}?stats_start_time=yesterday`,
    ]) {
      expect([url, (await h.call('GET', url)).status]).toEqual([url, 422])
    }
    const hostile = encodeURIComponent('eq(name, "\\u0000\\ud800")')
    expect((await h.call('GET', `/sessions?stats_filter=${hostile}`)).status).toBe(400)
    const surrogate = encodeURIComponent('eq(name, "\\ud800")')
    const url = `/sessions?include_stats=true&stats_filter=${surrogate}&stats_select=%00`
    expect((await h.call('GET', url)).body).toMatchObject([{ run_count: 0, total_tokens: null }])
    const deep = encodeURIComponent(`${'not('.repeat(1000)}eq(name, "x")${')'.repeat(1000)}`)
    expect((await h.call('GET', `/sessions?stats_filter=${deep}`)).status).toBe(400)
    expect(h.errors).toEqual([])
  })
})
