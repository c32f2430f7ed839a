import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { eventVersion } from '../../../../src/domain/events.ts'
import { experimentUpsertByName } from '../../../../src/store/write/experiments.ts'
import { harness, type Harness } from '../../../support/harness.ts'

const json = (value: unknown) => encodeURIComponent(JSON.stringify(value))

async function makeDataset(h: Harness, name = 'dataset'): Promise<string> {
  return (await h.call('POST', '/datasets', { name })).body.id as string
}

async function makeSession(h: Harness, name: string, rest: object = {}): Promise<string> {
  const answer = await h.call('POST', '/sessions', { name, ...rest })
  expect(answer.status).toBe(200)
  return answer.body.id as string
}

async function namesOf(h: Harness, query: string): Promise<string[]> {
  const answer = await h.call('GET', `/sessions?${query}`)
  expect(answer.status).toBe(200)
  return (answer.body as { name: string }[]).map(({ name }) => name)
}

/** A root run of the session that took this many seconds. */
function run(sessionId: string, seconds: number, rest: object = {}): object {
  const id = randomUUID()
  const start = Date.UTC(2026, 0, 21, 10)
  return {
    id,
    trace_id: id,
    name: 'target',
    run_type: 'chain',
    session_id: sessionId,
    start_time: new Date(start).toISOString(),
    end_time: new Date(start + seconds * 1000).toISOString(),
    inputs: {},
    outputs: { a: 1 },
    ...rest,
  }
}

async function addRuns(h: Harness, runs: object[]): Promise<void> {
  expect((await h.call('POST', '/runs/batch', { post: runs })).status).toBe(202)
  await h.drain()
}

describe('200 POST /sessions', () => {
  test('an experiment reads back with everything it was made with, under every prefix', async () => {
    const h = await harness()
    const datasetId = await makeDataset(h)
    const id = randomUUID()
    const made = await h.call(
      'POST',
      '/api/v1/sessions',
      `{"id":"${id}","name":"exp","description":"d","start_time":"2026-01-01T00:00:00+02:00",
        "reference_dataset_id":"${datasetId}","trace_tier":"longlived","num_examples":3,"evaluator_keys":["x"],
        "extra":{"z":1.0,"a":12345678901234567890,"metadata":{"dataset_version":"v"}}}`,
    )
    expect(made).toMatchObject({
      status: 200,
      body: {
        id,
        tenant_id: h.tenant.id,
        name: 'exp',
        description: 'd',
        start_time: '2025-12-31T22:00:00.000000Z',
        end_time: null,
        reference_dataset_id: datasetId,
        default_dataset_id: null,
        trace_tier: 'longlived',
        last_run_start_time_live: null,
        extra: { metadata: { dataset_version: 'v' } },
      },
    })
    expect(made.text).toContain('"z":1.0,"a":12345678901234567890')
    for (const prefix of ['', '/api', '/api/v1']) {
      const read = await h.call('GET', `${prefix}/sessions/${id}`)
      expect(read.body).toMatchObject(made.body)
    }
  })

  test('extra, times and id are filled in by the server when they are absent', async () => {
    const h = await harness()
    const { body } = await h.call('POST', '/sessions', {
      name: 'plain',
      id: null,
      start_time: null,
    })
    expect(body).toMatchObject({ extra: null, reference_dataset_id: null, end_time: null })
    expect(body.start_time).toMatch(/^2026-01-21T14:35:42\.\d{6}Z$/)
  })

  test('without a name one is made up, different each time', async () => {
    const h = await harness()
    const id = randomUUID()
    const named = await h.call('POST', '/sessions', { id })
    expect(named).toMatchObject({ status: 200, body: { id, name: `project-${id}` } })
    const made = await h.call('POST', '/sessions?upsert=true', {})
    expect(made.body.name).toBe(`project-${made.body.id}`)
    expect(await namesOf(h, 'sort_by=start_time')).toEqual([made.body.name, `project-${id}`])
    // A retry, which must not make a second session.
    expect((await h.call('POST', '/sessions', { id })).status).toBe(409)
  })

  test('upsert=True changes the session of that name and keeps its id', async () => {
    const h = await harness()
    const id = await makeSession(h, 'x', { description: 'a', extra: { k: 1 } })
    const upserted = await h.call('POST', '/sessions?upsert=True', { name: 'x', description: 'b' })
    expect(upserted).toMatchObject({ status: 200, body: { id, description: 'b', extra: { k: 1 } } })
  })

  test('text that Postgres cannot hold is stored in a readable form', async () => {
    const h = await harness()
    const made = await h.call(
      'POST',
      '/sessions',
      '{"name":"a\\u0000","extra":{"n":"\\u0000","metadata":{"\\u0000k":"\\ud800"}}}',
    )
    expect(made.body).toMatchObject({
      name: 'a\ufffd',
      extra: { n: '\0', metadata: { '\ufffdk': '\ufffd' } },
    })
    expect(h.errors).toEqual([])
  })
})

describe('409 /sessions', () => {
  test('a taken name is refused on create and rename, even when the name is taken inside a dataset', async () => {
    const h = await harness()
    const id = await makeSession(h, 'taken')
    await experimentUpsertByName(h.db, {
      tenantId: h.tenant.id,
      datasetId: randomUUID(),
      name: 'inside',
      now: h.clock.now(),
    })
    for (const name of ['taken', 'inside']) {
      expect(await h.call('POST', '/sessions', { name })).toMatchObject({
        status: 409,
        body: { detail: 'Session already exists.' },
      })
    }
    expect((await h.call('PATCH', `/sessions/${id}`, { name: 'inside' })).status).toBe(409)
    expect((await h.call('PATCH', `/sessions/${id}`, { name: 'taken' })).status).toBe(200)
    expect((await h.call('POST', '/sessions', { name: 'new', id })).status).toBe(409)
  })
})

describe('200 PATCH /sessions/{id}', () => {
  test('null keeps, and extra is replaced as a whole', async () => {
    const h = await harness()
    const id = await makeSession(h, 'x', {
      description: 'd',
      end_time: '2026-01-02T00:00:00Z',
      extra: { other: 1, metadata: { a: 1 } },
    })
    const left = await h.call('PATCH', `/sessions/${id}`, {
      name: null,
      description: null,
      end_time: null,
      extra: null,
      trace_tier: null,
    })
    expect(left).toMatchObject({
      status: 200,
      body: {
        name: 'x',
        description: 'd',
        end_time: '2026-01-02T00:00:00.000000Z',
        extra: { other: 1 },
      },
    })
    const changed = await h.call('PATCH', `/sessions/${id}`, {
      name: 'y',
      end_time: 1769006143123,
      extra: { metadata: { b: 2 } },
    })
    expect(changed.body).toMatchObject({ name: 'y', end_time: '2026-01-21T14:35:43.123000Z' })
    expect(changed.body.extra).toEqual({ metadata: { b: 2 } })
    expect(await namesOf(h, 'name=x')).toEqual([])
  })
})

describe('200 GET /sessions', () => {
  test('is never empty for a valid key: a tenant without sessions gets the project default', async () => {
    const h = await harness()
    expect(await namesOf(h, 'name=x')).toEqual([])
    expect(await namesOf(h, 'limit=1&offset=0')).toEqual(['default'])
    expect(await namesOf(h, '')).toEqual(['default'])
    const { body } = await h.call('GET', '/sessions?limit=1')
    expect(body[0].tenant_id).toBe(h.tenant.id)
    await h.call('DELETE', `/sessions/${body[0].id}`)
    expect(await namesOf(h, 'limit=1')).toEqual(['default'])
  })

  test('the project default is found by its name before anything has been written to it', async () => {
    const h = await harness()
    expect(await namesOf(h, 'name=default&reference_free=false')).toEqual([])
    expect(await namesOf(h, 'name=default')).toEqual(['default'])
  })

  test('every condition narrows the list, and an unknown name gives an empty list', async () => {
    const h = await harness()
    const datasetId = await makeDataset(h)
    const first = await makeSession(h, 'Alpha one', {
      reference_dataset_id: datasetId,
      extra: { metadata: { dataset_version: 'v1', model: { name: 'm' } } },
    })
    const second = await makeSession(h, 'beta_two', { extra: { metadata: { k: 1 } } })
    expect(await namesOf(h, 'name=nothing')).toEqual([])
    expect(await namesOf(h, 'name=beta_two')).toEqual(['beta_two'])
    expect(await namesOf(h, 'name_contains=ALPHA')).toEqual(['Alpha one'])
    expect(await namesOf(h, 'name_contains=%25')).toEqual([])
    expect(await namesOf(h, `id=${first}&id=${second}`)).toEqual(['beta_two', 'Alpha one'])
    expect(await namesOf(h, `reference_dataset=${datasetId}`)).toEqual(['Alpha one'])
    expect(await namesOf(h, 'reference_free=true')).toEqual(['beta_two'])
    expect(await namesOf(h, 'reference_free=False')).toEqual(['Alpha one'])
    expect(await namesOf(h, 'dataset_version=v1')).toEqual(['Alpha one'])
    expect(await namesOf(h, `metadata=${json({ model: { name: 'm' } })}`)).toEqual(['Alpha one'])
    expect(await namesOf(h, `metadata=${json({ model: 'm' })}`)).toEqual([])
    expect(await namesOf(h, `filter=${encodeURIComponent('has(metadata, \'{"k": 1}\')')}`)).toEqual(
      ['beta_two'],
    )
    expect(await namesOf(h, 'unknown_key=1&use_approx_stats=false&facets=true')).toHaveLength(2)
  })

  test('a filter can use the averages of feedback keys as of now', async () => {
    const h = await harness()
    const good = await makeSession(h, 'good')
    const bad = await makeSession(h, 'bad')
    await makeSession(h, 'unscored')
    const give = (sessionId: string, key: string, score: number, runId: string | null) =>
      h.call('POST', '/feedback', { session_id: sessionId, run_id: runId, key, score })
    for (const score of [1, 0.5]) await give(good, 'correct', score, randomUUID())
    await give(bad, 'correct', 0.25, randomUUID())
    await give(bad, 'overall', 0.9, null)
    const filtered = (filter: string) => namesOf(h, `filter=${encodeURIComponent(filter)}`)
    expect(await filtered('and(eq(feedback_key, "correct"), gt(feedback_score, 0.7))')).toEqual([
      'good',
    ])
    expect(await filtered('and(eq(feedback_key, "correct"), eq(feedback_score, 0.75))')).toEqual([
      'good',
    ])
    expect(await filtered('gt(feedback_score, 0.8)')).toEqual(['bad'])
    expect(await filtered('eq(feedback_key, "overall")')).toEqual(['bad'])
    expect(await filtered('neq(feedback_key, "correct")')).toEqual(['unscored'])
    const either = 'or(eq(feedback_key, "overall"), eq(name, "unscored"))'
    expect(await filtered(either)).toEqual(['unscored', 'bad'])
    await give(bad, 'correct', 1, randomUUID())
    await give(bad, 'correct', 1, randomUUID())
    expect(await filtered('and(eq(feedback_key, "correct"), gt(feedback_score, 0.7))')).toEqual([
      'bad',
      'good',
    ])
    expect(h.errors).toEqual([])
  })

  test('sorts by every column, and pages join without gaps', async () => {
    const h = await harness()
    const ids = [await makeSession(h, 'b'), await makeSession(h, 'a'), await makeSession(h, 'c')]
    await addRuns(h, [
      run(ids[0]!, 3),
      run(ids[1]!, 1, { error: 'boom' }),
      run(ids[1]!, 1),
      run(ids[2]!, 2, { start_time: '2026-01-21T11:00:00Z', end_time: '2026-01-21T11:00:02Z' }),
    ])
    await h.call('POST', '/feedback', { key: 'overall', score: 0.9, session_id: ids[2] })
    await h.call('POST', '/feedback', { key: 'overall', score: 0.1, session_id: ids[0] })
    await h.drain()
    expect(await namesOf(h, 'sort_by=name&sort_by_desc=false')).toEqual(['a', 'b', 'c'])
    expect(await namesOf(h, 'sort_by=start_time')).toEqual(['c', 'a', 'b'])
    expect(await namesOf(h, 'sort_by=latency_p50')).toEqual(['b', 'c', 'a'])
    expect(await namesOf(h, 'sort_by=latency_p99&sort_by_desc=False')).toEqual(['a', 'c', 'b'])
    expect((await namesOf(h, 'sort_by=error_rate'))[0]).toBe('a')
    expect((await namesOf(h, 'sort_by=runs_count'))[0]).toBe('a')
    expect((await namesOf(h, 'sort_by=last_run_start_time'))[0]).toBe('c')
    expect(
      await namesOf(
        h,
        'sort_by=feedback&sort_by_feedback_key=overall&sort_by_feedback_source=session',
      ),
    ).toEqual(['c', 'b', 'a'])
    expect([
      ...(await namesOf(h, 'sort_by=name&limit=2')),
      ...(await namesOf(h, 'sort_by=name&limit=2&offset=2')),
    ]).toEqual(['c', 'b', 'a'])
  })
})

describe('statistics', () => {
  test('run_count is current without include_stats, and the other statistics are null', async () => {
    const h = await harness()
    const id = await makeSession(h, 'x')
    await addRuns(h, [run(id, 1), run(id, 2)])
    const one = (await h.call('GET', `/sessions/${id}`)).body
    const [listed] = (await h.call('GET', `/sessions?id=${id}`)).body
    expect(listed).toEqual(one)
    expect(one).toMatchObject({
      run_count: 2,
      latency_p50: null,
      feedback_stats: null,
      total_cost: null,
    })
  })

  test('include_stats fills every field', async () => {
    const h = await harness()
    const datasetId = await makeDataset(h)
    await makeSession(h, 'earlier', { reference_dataset_id: datasetId })
    const id = await makeSession(h, 'x', { reference_dataset_id: datasetId })
    const first = run(id, 1, {
      run_type: 'llm',
      events: [{ name: 'new_token', time: '2026-01-21T10:00:00.500Z' }],
      outputs: {
        usage_metadata: { input_tokens: 3, output_tokens: 4, total_tokens: 7, total_cost: 0.25 },
      },
    })
    await addRuns(h, [first, run(id, 3, { error: 'boom' })])
    const runId = (first as { id: string }).id
    await h.call('POST', '/feedback', {
      key: 'correct',
      score: true,
      run_id: runId,
      trace_id: runId,
      session_id: id,
    })
    await h.call('POST', '/feedback', {
      key: 'label',
      value: 'good',
      run_id: runId,
      session_id: id,
    })
    await h.call('POST', '/feedback', { key: 'summary', score: 0.5, session_id: id })
    await h.drain()
    const { body } = await h.call('GET', `/sessions/${id}?include_stats=True`)
    expect(body).toMatchObject({
      run_count: 2,
      latency_p50: 2,
      first_token_p50: 0.5,
      first_token_p99: 0.5,
      prompt_tokens: 3,
      completion_tokens: 4,
      total_tokens: 7,
      total_cost: '0.25',
      last_run_start_time: '2026-01-21T10:00:00.000000Z',
      error_rate: 0.5,
      streaming_rate: 0.5,
      run_facets: [],
      test_run_number: 2,
    })
    expect(body.latency_p99).toBeCloseTo(2.98)
    expect(body.feedback_stats).toEqual({
      correct: { n: 1, avg: 1, values: {} },
      label: { n: 1, avg: null, values: { good: 1 } },
    })
    expect(body.session_feedback_stats).toEqual({ summary: { n: 1, avg: 0.5, values: {} } })
    const [listed] = (await h.call('GET', `/sessions?id=${id}&include_stats=true`)).body
    expect(listed).toEqual(body)
  })
})

describe('DELETE /sessions', () => {
  test('runs and feedback disappear at once, the name is free, and late runs are not stored', async () => {
    const h = await harness()
    const id = await makeSession(h, 'x')
    const sent = run(id, 1) as { id: string }
    await addRuns(h, [sent])
    expect((await h.call('DELETE', `/sessions/${id}`)).status).toBe(200)
    expect((await h.call('GET', `/sessions/${id}`)).status).toBe(404)
    expect((await h.call('GET', `/runs/${sent.id}`)).status).toBe(404)
    await h.drain()
    const again = await makeSession(h, 'x')
    expect(again).not.toBe(id)
    const late = { traceId: sent.id, experimentId: id, name: 'late' }
    const version = eventVersion('update', h.clock.now(), 'late')
    await h.ingest({ kind: 'run', id: sent.id, externalId: null, version, patch: late })
    expect(await h.db`select id from runs where tenant_id = ${h.tenant.id}`).toHaveLength(0)
    expect((await h.call('GET', `/sessions/${again}`)).body.run_count).toBe(0)
  })

  test('several can be deleted by query, and unknown ids are ignored', async () => {
    const h = await harness()
    const ids = [await makeSession(h, 'a'), await makeSession(h, 'b'), await makeSession(h, 'c')]
    const query = `session_ids=${ids[0]}&session_ids=${ids[1]}&session_ids=${randomUUID()}`
    expect((await h.call('DELETE', `/sessions?${query}`)).status).toBe(200)
    expect(await namesOf(h, '')).toEqual(['c'])
  })
})

describe('404 /sessions', () => {
  test('an unknown session, or another tenant\'s, is "not found" in lower case', async () => {
    const h = await harness()
    const id = await makeSession(h, 'mine')
    const stranger = await h.addTenant()
    for (const [as, path] of [
      [h.tenant, randomUUID()],
      [stranger, id],
    ] as const) {
      for (const method of ['GET', 'PATCH', 'DELETE']) {
        const answer = await h.callAs(
          as,
          method,
          `/sessions/${path}`,
          method === 'PATCH' ? {} : undefined,
        )
        expect(answer).toMatchObject({ status: 404, body: { detail: 'Session not found' } })
      }
    }
    await h.callAs(stranger, 'DELETE', `/sessions?session_ids=${id}`)
    expect((await h.callAs(stranger, 'GET', `/sessions?id=${id}`)).body).toEqual([])
    expect((await h.call('GET', `/sessions/${id}`)).status).toBe(200)
  })

  test('an experiment on a dataset that does not exist is not made', async () => {
    const h = await harness()
    const answer = await h.call('POST', '/sessions', {
      name: 'x',
      reference_dataset_id: randomUUID(),
    })
    expect(answer).toMatchObject({ status: 404, body: { detail: 'Dataset not found' } })
    expect(await namesOf(h, 'name=x')).toEqual([])
  })
})

describe('400 and 422 /sessions', () => {
  test('a filter that does not parse is 400 with its position', async () => {
    const h = await harness()
    const answer = await h.call('GET', `/sessions?filter=${encodeURIComponent('eq(nothing, 1)')}`)
    expect(answer.status).toBe(400)
    expect(answer.body.detail).toContain('unknown attribute "nothing"')
  })

  test('a refused value is named by its place and the kind of problem', async () => {
    const h = await harness()
    expect((await h.call('POST', '/datasets', {})).body.detail).toEqual([
      { loc: ['body', 'name'], msg: 'Field required', type: 'missing' },
    ])
    expect((await h.call('POST', '/sessions', { name: null })).body.detail[0].loc).toEqual([
      'body',
      'name',
    ])
    expect((await h.call('GET', '/sessions?limit=101')).body.detail).toEqual([
      { loc: ['query', 'limit'], msg: expect.any(String), type: 'less_than_equal' },
    ])
    expect((await h.call('GET', '/sessions/nope')).body.detail[0].loc).toEqual(['path', 'id'])
  })

  test('every kind of wrong input is refused and stores nothing', async () => {
    const h = await harness()
    const bodies: unknown[] = [
      undefined,
      [],
      '"text"',
      '{"name":',
      { name: '' },
      { name: 'x'.repeat(129) },
      { name: 7 },
      { name: null },
      { name: 'x', id: 'nope' },
      { name: 'x', extra: [] },
      { name: 'x', extra: { metadata: 'text' } },
      { name: 'x', start_time: 'yesterday' },
      { name: 'x', start_time: 1e300 },
      { name: 'x', trace_tier: 'forever' },
      { name: 'x', reference_dataset_id: 'nope' },
      `{"name":"x","extra":${'['.repeat(1000)}${']'.repeat(1000)}}`,
      '{"name":"x","extra":{"metadata":{"n":1e999999}}}',
    ]
    for (const body of bodies) {
      const answer = await h.call('POST', '/sessions', body)
      expect([answer.status, body]).toEqual([422, body])
    }
    const queries = [
      'limit=0',
      'limit=101',
      'limit=x',
      'offset=-1',
      'offset=1e30',
      'id=nope',
      'reference_dataset=nope',
      'reference_free=maybe',
      'include_stats=2',
      'metadata=[]',
      'metadata=text',
      `metadata=${'['.repeat(1000)}`,
      'sort_by=nothing',
      'sort_by_feedback_source=nobody',
    ]
    for (const query of queries) {
      expect([(await h.call('GET', `/sessions?${query}`)).status, query]).toEqual([422, query])
    }
    expect((await h.call('DELETE', '/sessions')).status).toBe(422)
    expect((await h.call('DELETE', '/sessions?session_ids=nope')).status).toBe(422)
    expect(
      (
        await h.call(
          'GET',
          '/sessions?name=%00&name_contains=%00&dataset_version=%00&sort_by=feedback&sort_by_feedback_key=%00',
        )
      ).status,
    ).toBe(200)
    expect(await h.db`select id from experiments`).toHaveLength(0)
    expect(h.errors).toEqual([])
  })
})
