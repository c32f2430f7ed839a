import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { experimentListDirty } from '../../../../src/store/read/experiments/experiments.ts'
import { harness, type Harness } from '../../../support/harness.ts'

async function addRun(
  h: Harness,
  fields: { id?: string; session_name?: string } = {},
): Promise<{ id: string; sessionId: string }> {
  const id = fields.id ?? randomUUID()
  const run = {
    id,
    name: 'x',
    run_type: 'chain',
    start_time: '2026-01-21T14:35:42.000001Z',
    ...fields,
  }
  expect((await h.call('POST', '/runs', run)).status).toBe(202)
  return { id, sessionId: (await h.call('GET', `/runs/${id}`)).body.session_id }
}

async function keys(h: Harness, query: string): Promise<string[]> {
  const { status, body } = await h.call('GET', `/feedback?${query}`)
  expect(status).toBe(200)
  return body.map((feedback: { key: string }) => feedback.key)
}

describe('200 POST /feedback', () => {
  test('what an evaluator sends is returned completely, also by its id', async () => {
    const h = await harness()
    const run = await addRun(h)
    const sent = {
      id: randomUUID(),
      run_id: run.id,
      trace_id: run.id,
      key: 'correct',
      score: false,
      value: { label: 'no' },
      comment: 'c',
      correction: { answer: 'two' },
      feedback_source: { type: 'model', metadata: { __run: { run_id: randomUUID() } } },
      feedbackConfig: { type: 'continuous' },
      extend_trace_retention: false,
      session_id: run.sessionId,
      start_time: 1795293917735,
      created_at: '2026-01-21T14:35:43.000001+00:00',
      modified_at: '2026-01-21T14:35:44',
      extra: { n: 1 },
    }
    const answer = await h.call('POST', '/feedback', sent)
    expect(answer.status).toBe(200)
    expect(answer.body).toEqual({
      id: sent.id,
      key: 'correct',
      created_at: '2026-01-21T14:35:43.000001Z',
      modified_at: '2026-01-21T14:35:44.000000Z',
      score: false,
      value: { label: 'no' },
      comment: 'c',
      correction: { answer: 'two' },
      run_id: run.id,
      trace_id: run.id,
      session_id: run.sessionId,
      start_time: '2026-11-21T20:45:17.735000Z',
      is_root: true,
      feedback_source: {
        ...sent.feedback_source,
        user_id: null,
        ls_user_id: null,
        user_name: null,
      },
      extra: { n: 1 },
      feedback_group_id: null,
      comparative_experiment_id: null,
      feedback_thread_id: null,
    })
    expect((await h.call('GET', `/feedback/${sent.id.toUpperCase()}`)).body).toEqual(answer.body)
  })

  test('the three prefixes and the eager route behave alike', async () => {
    const h = await harness()
    const run = await addRun(h)
    for (const prefix of ['', '/api', '/api/v1']) {
      for (const path of ['/feedback', '/feedback/eager']) {
        const { status, body } = await h.call('POST', prefix + path, {
          run_id: run.id,
          key: 'k',
          score: 1,
        })
        expect(status).toBe(200)
        expect((await h.call('GET', `${prefix}/feedback/${body.id}`)).body.score).toBe(1)
      }
      expect((await h.call('GET', `${prefix}/feedback`)).status).toBe(200)
    }
  })

  test('an identical repeat gets the same answer and adds nothing', async () => {
    const h = await harness()
    const sent = { id: randomUUID(), run_id: randomUUID(), key: 'k', score: 1 }
    const first = await h.call('POST', '/feedback', sent)
    const second = await h.call('POST', '/feedback', sent)
    expect(second).toMatchObject({ status: 200, body: first.body })
    expect(await keys(h, '')).toEqual(['k'])
  })

  test('feedback without an id gets one, so two requests make two pieces of feedback', async () => {
    const h = await harness()
    const sent = { run_id: randomUUID(), key: 'k', score: 1 }
    const ids = [
      (await h.call('POST', '/feedback', sent)).body.id,
      (await h.call('POST', '/feedback', sent)).body.id,
    ]
    expect(new Set(ids).size).toBe(2)
  })

  test('feedback that arrives before its run takes trace, session and start from the run, and counts in its statistics', async () => {
    const h = await harness()
    const id = randomUUID()
    const { body } = await h.call('POST', '/feedback', { run_id: id, key: 'k', score: true })
    expect(body).toMatchObject({
      run_id: id,
      trace_id: null,
      session_id: null,
      start_time: null,
      is_root: false,
    })
    await h.call('POST', '/feedback', { run_id: id, key: 'k', score: 0, value: 'BAD' })
    await h.call('POST', '/feedback', {
      run_id: id,
      key: 'k',
      score: 5,
      comparative_experiment_id: randomUUID(),
    })
    const run = await addRun(h, { id })
    expect((await h.call('GET', `/feedback/${body.id}`)).body).toMatchObject({
      trace_id: id,
      session_id: run.sessionId,
      start_time: '2026-01-21T14:35:42.000001Z',
      is_root: true,
    })
    expect((await h.call('GET', `/runs/${id}`)).body.feedback_stats).toEqual({
      k: { n: 2, avg: 0.5, values: { BAD: 1 } },
    })
  })

  test('session feedback, a crashed evaluator, and a missing source', async () => {
    const h = await harness()
    const { sessionId } = await addRun(h)
    const summary = {
      run_id: null,
      session_id: sessionId,
      key: 'mean',
      score: 3,
      feedback_source: { type: 'api', metadata: {} },
    }
    expect((await h.call('POST', '/feedback', summary)).body).toMatchObject({
      run_id: null,
      trace_id: null,
      session_id: sessionId,
      feedback_source: { type: 'api', metadata: {} },
    })
    const crashed = {
      run_id: randomUUID(),
      key: 'k',
      error: true,
      extra: { a: 1 },
      comment: 'boom',
    }
    expect((await h.call('POST', '/feedback', crashed)).body).toMatchObject({
      score: null,
      value: null,
      extra: { a: 1, error: true },
      feedback_source: { type: 'api', metadata: null },
    })
  })

  test('scores, values and comments are returned as they were sent', async () => {
    const h = await harness()
    const id = randomUUID()
    const value = String.raw`{"n":1.10,"big":12345678901234567890123,"nul":"\u0000","lone":"\ud800"}`
    const body = String.raw`{"id":"${id}","run_id":"${id}","key":"k\u0000","score":0.10,"value":${value},"comment":"a\u0000\ud800b"}`
    expect((await h.call('POST', '/feedback', body)).status).toBe(200)
    const { text, body: feedback } = await h.call('GET', `/feedback/${id}`)
    expect(text).toContain('"score":0.10')
    expect(text).toContain(`"value":${value}`)
    expect(feedback).toMatchObject({ key: 'k\ufffd', comment: 'a\ufffd\ufffdb' })
    for (const odd of ['"CORRECT"', 'true', '5', '"\\u0000"']) {
      const { body: stored } = await h.call(
        'POST',
        '/feedback',
        `{"run_id":"${id}","key":"k","value":${odd}}`,
      )
      expect(stored.value).toEqual(JSON.parse(odd))
    }
    expect((await h.call('GET', '/feedback')).status).toBe(200)
    expect(h.errors).toEqual([])
  })
})

describe('200 PATCH and DELETE /feedback/{id}', () => {
  test('a change takes over what is sent and keeps the rest; a late repeat of the create does not undo it', async () => {
    const h = await harness()
    const create = {
      id: randomUUID(),
      run_id: randomUUID(),
      key: 'k',
      score: 1,
      comment: 'old',
      value: 'v',
    }
    const before = (await h.call('POST', '/feedback', create)).body
    h.clock.advance(5000)
    const change = { score: 0.5, comment: null, correction: 'better', feedback_config: null }
    const { status, body } = await h.call('PATCH', `/feedback/${create.id}`, change)
    expect(status).toBe(200)
    expect(body).toEqual({
      ...before,
      score: 0.5,
      correction: 'better',
      modified_at: body.modified_at,
    })
    expect(body.modified_at > before.modified_at).toBe(true)
    await h.call('POST', '/feedback', create)
    expect((await h.call('GET', `/feedback/${create.id}`)).body).toEqual(body)
  })

  test('deleted feedback is gone, no longer counts, is not brought back by what was sent before, and can be sent anew', async () => {
    const h = await harness()
    const run = await addRun(h)
    const given = { id: randomUUID(), run_id: run.id, key: 'k', score: 1 }
    const sent = { ...given, created_at: '2025-12-31T23:59:59.000001Z' }
    await h.call('POST', '/feedback', sent)
    await h.db`delete from dirty_traces`
    expect((await h.call('DELETE', `/feedback/${sent.id}`)).status).toBe(200)
    expect(await experimentListDirty(h.db, h.tenant.id, {}, 10)).toEqual([run.sessionId])
    await h.call('POST', '/feedback', sent)
    expect((await h.call('GET', `/feedback/${sent.id}`)).status).toBe(404)
    expect((await h.call('DELETE', `/feedback/${sent.id}`)).status).toBe(404)
    expect((await h.call('GET', `/runs/${run.id}`)).body.feedback_stats).toEqual({})

    await h.call('POST', '/feedback', given)
    expect((await h.call('GET', `/feedback/${sent.id}`)).body).toMatchObject({ score: 1 })
    expect((await h.call('GET', `/runs/${run.id}`)).body.feedback_stats).toMatchObject({
      k: { n: 1 },
    })
  })
})

describe('200 GET /feedback', () => {
  test('every filter selects what it should, newest first, page by page', async () => {
    const h = await harness()
    const [a, b] = [
      await addRun(h, { session_name: 'one' }),
      await addRun(h, { session_name: 'two' }),
    ]
    const comparison = randomUUID()
    const add = async (fields: object) =>
      expect((await h.call('POST', '/feedback', fields)).status).toBe(200)
    await add({ run_id: a.id, key: 'a1', score: 1, created_at: '2026-01-01T00:00:00Z' })
    await add({ run_id: a.id, key: 'a2', comment: 'c', created_at: '2026-01-02T00:00:00Z' })
    await add({
      run_id: b.id,
      key: 'b',
      score: false,
      feedback_source: { type: 'model' },
      created_at: '2026-01-03T00:00:00Z',
    })
    await add({ session_id: b.sessionId, key: 's', score: 2, created_at: '2026-01-04T00:00:00Z' })
    await add({
      run_id: a.id,
      key: 'p',
      comparative_experiment_id: comparison,
      created_at: '2026-01-05T00:00:00Z',
    })
    const cases: [string, string[]][] = [
      ['', ['p', 's', 'b', 'a2', 'a1']],
      ['limit=2&offset=1', ['s', 'b']],
      [`run=${a.id}`, ['p', 'a2', 'a1']],
      [`run=${a.id}&run=${b.id.toUpperCase()}`, ['p', 'b', 'a2', 'a1']],
      ['key=a1&key=b', ['b', 'a1']],
      ['key=unknown', []],
      [`session=${b.sessionId}`, ['s', 'b']],
      [`session=${a.sessionId}&session=${b.sessionId}`, ['p', 's', 'b', 'a2', 'a1']],
      ['source=model', ['b']],
      ['source=api&source=model&level=run', ['p', 'b', 'a2', 'a1']],
      ['has_comment=True', ['a2']],
      ['has_score=true', ['s', 'b', 'a1']],
      ['has_score=False', ['p', 'a2']],
      ['level=session', ['s']],
      ['min_created_at=2026-01-03T00:00:00Z&max_created_at=2026-01-04T00:00:00', ['s', 'b']],
      [`comparative_experiment_id=${comparison}`, ['p']],
      [`user=${randomUUID()}`, []],
      ['include_user_names=true&unknown=1&limit=100', ['p', 's', 'b', 'a2', 'a1']],
    ]
    for (const [query, expected] of cases)
      expect([query, await keys(h, query)]).toEqual([query, expected])
  })

  test("feedback on a trace and no run is listed with the trace's root run, as in its statistics", async () => {
    const h = await harness()
    const root = await addRun(h)
    const child = { id: randomUUID(), name: 'x', run_type: 'llm', parent_run_id: root.id }
    expect((await h.call('POST', '/runs', child)).status).toBe(202)
    const send = async (fields: object) =>
      expect((await h.call('POST', '/feedback', { score: 1, ...fields })).status).toBe(200)
    await send({ key: 'of trace', trace_id: root.id })
    await send({ key: 'of root', run_id: root.id, trace_id: root.id })
    await send({ key: 'of child', run_id: child.id, trace_id: root.id })
    await send({ key: 'of session', session_id: root.sessionId })
    const { feedback_stats: stats } = (await h.call('GET', `/runs/${root.id}`)).body
    expect(await keys(h, `run=${root.id}`)).toEqual(['of root', 'of trace'])
    expect(Object.keys(stats).toSorted()).toEqual(['of root', 'of trace'])
    expect(await keys(h, `run=${child.id}`)).toEqual(['of child'])
    expect(await keys(h, `run=${root.id}&run=${child.id}&level=run`)).toEqual([
      'of child',
      'of root',
      'of trace',
    ])
    const session = `session=${root.sessionId}`
    expect(await keys(h, session)).toEqual(['of session', 'of child', 'of root', 'of trace'])
    expect(await keys(h, `${session}&level=session`)).toEqual(['of session'])
    await h.call('DELETE', `/sessions/${root.sessionId}`)
    expect(await keys(h, `run=${root.id}`)).toEqual([])
    expect(h.errors).toEqual([])
  })

  test('feedback of a deleted session is not shown, whether the feedback or its run names the session', async () => {
    const h = await harness()
    const run = await addRun(h, { session_name: 'gone' })
    const named = (await h.call('POST', '/feedback', { session_id: run.sessionId, key: 'named' }))
      .body.id
    const ofRun = (await h.call('POST', '/feedback', { run_id: run.id, key: 'of run' })).body.id
    await h.call('POST', '/feedback', { session_id: randomUUID(), key: 'of nobody' })
    await h.db.begin(async (transaction) => {
      await transaction`delete from experiments where id = ${run.sessionId}`
      await transaction`
        insert into tombstones (tenant_id, kind, id, deleted_at)
        values (${h.tenant.id}, 'experiment', ${run.sessionId}, now())`
    })
    expect(await keys(h, '')).toEqual(['of nobody'])
    for (const id of [named, ofRun])
      expect((await h.call('GET', `/feedback/${id}`)).status).toBe(404)
  })
})

describe('404', () => {
  test("unknown feedback, or another tenant's, is not found and not changed", async () => {
    const h = await harness()
    const other = await h.addTenant()
    const { id } = (await h.call('POST', '/feedback', { run_id: randomUUID(), key: 'k', score: 1 }))
      .body
    const missing = { status: 404, body: { detail: 'Feedback not found' } }
    for (const [method, body] of [['GET'], ['PATCH', { score: 0 }], ['DELETE']] as const) {
      expect(await h.call(method, `/feedback/${randomUUID()}`, body)).toMatchObject(missing)
      expect(await h.callAs(other, method, `/feedback/${id}`, body)).toMatchObject(missing)
    }
    expect((await h.callAs(other, 'GET', '/feedback')).body).toEqual([])
    expect((await h.call('GET', `/feedback/${id}`)).body.score).toBe(1)
  })
})

describe('422', () => {
  const id = randomUUID()
  const bodies: [string, unknown][] = [
    ['no key', { run_id: id }],
    ['an empty key', { run_id: id, key: '' }],
    ['a key of 181 characters', { run_id: id, key: 'k'.repeat(181) }],
    ['a key that is no string', { run_id: id, key: 5 }],
    ['neither run nor session', { key: 'k', score: 1 }],
    ['a run id that is no UUID', { run_id: 'x', key: 'k' }],
    ['an id that is no UUID', { id: 'x', run_id: id, key: 'k' }],
    ['a score that is text', { run_id: id, key: 'k', score: '1' }],
    ['a score beyond any number', `{"run_id":"${id}","key":"k","score":1e999}`],
    ['a value that is a list', { run_id: id, key: 'k', value: [1] }],
    ['a comment that is an object', { run_id: id, key: 'k', comment: {} }],
    ['a correction that is a number', { run_id: id, key: 'k', correction: 5 }],
    ['a source that is no object', { run_id: id, key: 'k', feedback_source: 'model' }],
    ['a source of unknown type', { run_id: id, key: 'k', feedback_source: { type: 'oracle' } }],
    ['extra that is text', { run_id: id, key: 'k', extra: 'x' }],
    ['a creation that is no time', { run_id: id, key: 'k', created_at: 'now' }],
    ['a list', []],
    ['broken JSON', '{'],
    [
      'JSON nested 1,000 deep',
      `{"run_id":"${id}","key":"k","value":${'{"a":'.repeat(1000)}1${'}'.repeat(1000)}}`,
    ],
    ['no body', undefined],
  ]
  test('wrong feedback is refused, and nothing is stored', async () => {
    const h = await harness()
    for (const [name, body] of bodies) {
      const answer = await h.call('POST', '/feedback', body)
      expect([name, answer.status, answer.body]).toEqual([name, 422, { detail: expect.anything() }])
    }
    expect(await h.db`select id from feedback`).toHaveLength(0)
    expect(h.errors).toEqual([])
  })

  test("the answer names what is missing and what is expected, as the vendor's does", async () => {
    const h = await harness()
    const { id } = await addRun(h)
    const details = async (body: object) =>
      (await h.call('POST', '/feedback', body)).body.detail as unknown
    expect(await details({ run_id: id })).toEqual([
      { loc: ['body', 'key'], msg: 'Field required', type: 'missing' },
    ])
    expect(await details({ run_id: id, key: 'k', score: 'high', start_time: 'soon' })).toEqual([
      {
        loc: ['body', 'score'],
        msg: 'Input should be a number or a boolean',
        type: 'value_error',
      },
      { loc: ['body', 'start_time'], msg: 'Input should be a valid datetime', type: 'value_error' },
    ])
  })

  test('wrong changes, ids and filters are refused', async () => {
    const h = await harness()
    const stored = (await h.call('POST', '/feedback', { run_id: id, key: 'k', score: 1 })).body
    for (const body of [{ score: 'x' }, { value: [] }, [], 'null', undefined]) {
      expect(await h.call('PATCH', `/feedback/${stored.id}`, body)).toMatchObject({ status: 422 })
    }
    for (const [method, body] of [['GET'], ['PATCH', { score: 0 }], ['DELETE']] as const) {
      expect(await h.call(method, '/feedback/x', body)).toMatchObject({
        status: 422,
        body: { detail: expect.any(Array) },
      })
    }
    for (const query of [
      'run=x',
      'session=1',
      'limit=101',
      'limit=0',
      'offset=-1',
      'level=trace',
      'has_score=maybe',
      'min_created_at=soon',
    ]) {
      expect(await h.call('GET', `/feedback?${query}`)).toMatchObject({
        status: 422,
        body: { detail: [{ loc: expect.arrayContaining(['query']) }] },
      })
    }
    expect((await h.call('GET', `/feedback/${stored.id}`)).body).toEqual(stored)
    expect(h.errors).toEqual([])
  })
})
