import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { harness, type Answer, type Harness } from '../../../support/harness.ts'

const hour = 3_600_000

function make(h: Harness, more: object = {}): Promise<Answer> {
  const body = { run_id: randomUUID(), feedback_key: 'tok', ...more }
  return h.call('POST', '/feedback/tokens', body)
}

/** The path of a link, to be requested without a key. */
function pathOf(answer: Answer): string {
  const url = new URL(answer.body.url)
  return url.pathname
}

async function open(h: Harness, method: 'GET' | 'POST', url: string, body?: unknown) {
  const response = await h.app.inject({
    method,
    url,
    ...(body === undefined
      ? {}
      : {
          headers: { 'content-type': 'application/json' },
          payload: typeof body === 'string' ? body : JSON.stringify(body),
        }),
  })
  return { status: response.statusCode, text: response.body }
}

async function feedback(h: Harness): Promise<Record<string, unknown>[]> {
  return (await h.call('GET', '/feedback')).body
}

describe('200 POST /feedback/tokens', () => {
  test('one link: it is absolute, its last segment is a UUID, and it is valid for as long as asked', async () => {
    const h = await harness()
    const before = Date.parse(h.clock.now())
    const { status, body } = await make(h, { expires_in: { days: 1, hours: 3, minutes: 30 } })
    expect(status).toBe(200)
    expect(body).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      url: expect.stringMatching(/^https?:\/\/[^/]+\/api\/v1\/feedback\/tokens\/[0-9a-f-]{36}$/),
      expires_at: expect.stringMatching(/\.\d{6}Z$/),
      feedback_key: 'tok',
    })
    const lifetime = Date.parse(body.expires_at) - before
    expect(Math.round(lifetime / 60_000)).toBe(27 * 60 + 30)
    expect(Math.round((Date.parse((await make(h)).body.expires_at) - before) / hour)).toBe(3)
    const at = await make(h, { expires_at: '2026-02-01T00:00:00Z' })
    expect(at.body.expires_at).toBe('2026-02-01T00:00:00.000000Z')
  })

  test('the link begins with the public URL when one is set', async () => {
    const h = await harness({ publicUrl: 'https://runmill.example.com' })
    const { body } = await make(h)
    expect(body.url).toMatch(/^https:\/\/runmill\.example\.com\/api\/v1\/feedback\/tokens\//)
  })

  test('a list of requests makes a list of links, in order; links are listed by run, with the same URLs', async () => {
    const h = await harness()
    const runId = randomUUID()
    const wanted = ['a', 'b', 'a'].map((key) => ({ run_id: runId, feedback_key: key }))
    const { status, body } = await h.call('POST', '/feedback/tokens', wanted)
    expect(status).toBe(200)
    expect(body.map((token: { feedback_key: string }) => token.feedback_key)).toEqual([
      'a',
      'b',
      'a',
    ])
    const byId = (tokens: { id: string }[]) => tokens.toSorted((x, y) => (x.id < y.id ? -1 : 1))
    const { body: listed } = await h.call('GET', `/feedback/tokens?run_id=${runId}`)
    expect(byId(listed)).toEqual(byId(body))
    const { body: page } = await h.call('GET', `/feedback/tokens?run_id=${runId}&limit=1&offset=1`)
    expect(page).toEqual([listed[1]])
    expect((await h.call('GET', `/feedback/tokens?run_id=${randomUUID()}`)).body).toEqual([])
  })

  test('tokens are stored as hashes only', async () => {
    const h = await harness()
    const token = pathOf(await make(h))
      .split('/')
      .at(-1)!
    const [row] = await h.db<
      { text: string }[]
    >`select feedback_tokens::text as text from feedback_tokens`
    expect(row!.text).not.toContain(token)
    expect(row!.text).not.toContain(token.replaceAll('-', ''))
  })

  test('a config that is sent along configures the key', async () => {
    const h = await harness()
    await make(h, { feedback_config: { type: 'continuous', min: 0, max: 1 } })
    expect((await h.call('GET', '/feedback-configs')).body).toMatchObject([{ feedback_key: 'tok' }])
  })
})

describe('200 feedback through a link, without a key', () => {
  test('each call is a new piece of feedback on the run, under the key', async () => {
    const h = await harness()
    const runId = randomUUID()
    const path = pathOf(await make(h, { run_id: runId }))
    const body = {
      score: 0.25,
      value: 'good',
      comment: 'c',
      correction: { a: 1 },
      metadata: { who: 'x' },
    }
    expect((await open(h, 'POST', path, body)).status).toBe(200)
    expect((await open(h, 'POST', path, { score: true })).status).toBe(200)
    expect((await open(h, 'GET', `${path}?score=0.5&comment=hello%20you&value=7`)).status).toBe(200)
    const [third, second, first] = await feedback(h)
    expect(first).toMatchObject({
      run_id: runId,
      key: 'tok',
      score: 0.25,
      value: 'good',
      comment: 'c',
      correction: { a: 1 },
      feedback_source: { type: 'api', metadata: { who: 'x' } },
    })
    expect(second).toMatchObject({ run_id: runId, key: 'tok', score: true, value: null })
    expect(third).toMatchObject({ score: 0.5, comment: 'hello you', value: '7' })
  })

  test('every prefix works; a POST may carry everything in its query, and its body takes precedence', async () => {
    const h = await harness()
    const token = pathOf(await make(h))
      .split('/')
      .at(-1)!
    for (const prefix of ['', '/api', '/api/v1']) {
      const { status } = await open(h, 'GET', `${prefix}/feedback/tokens/${token}?score=1`)
      expect(status).toBe(200)
    }
    const query = 'score=False&correction=two&metadata=%7B%22a%22%3A1%7D'
    await open(h, 'POST', `/feedback/tokens/${token}?${query}`)
    await open(h, 'POST', `/feedback/tokens/${token.toUpperCase()}?${query}`, { score: 2 })
    const [second, first, ...others] = await feedback(h)
    expect(others).toHaveLength(3)
    expect(first).toMatchObject({
      score: false,
      correction: 'two',
      feedback_source: { metadata: { a: 1 } },
    })
    expect(second).toMatchObject({ score: 2, correction: 'two' })
  })

  test('the id of the link works as its token, and the client may choose it', async () => {
    const h = await harness()
    const runId = randomUUID()
    const id = randomUUID()
    const made = await make(h, { run_id: runId, id })
    expect(made.body.id).toBe(id)
    expect(
      (await open(h, 'POST', `/feedback/tokens/${id.toUpperCase()}`, { score: 1 })).status,
    ).toBe(200)
    expect((await open(h, 'POST', pathOf(made), { score: 0 })).status).toBe(200)
    expect(await feedback(h)).toMatchObject([
      { run_id: runId, score: 0 },
      { run_id: runId, score: 1 },
    ])
  })

  test('a link that is asked for again with its id is the same', async () => {
    const h = await harness()
    const asked = { run_id: randomUUID(), id: randomUUID() }
    const made = await make(h, asked)
    expect(await make(h, { ...asked, expires_in: { days: 9 } })).toMatchObject({
      status: 200,
      body: made.body,
    })
  })

  test('of two tenants that choose one id, the first one gets the feedback', async () => {
    const h = await harness()
    const [runId, id] = [randomUUID(), randomUUID()]
    await make(h, { run_id: runId, id })
    const other = await h.addTenant()
    const taken = { run_id: randomUUID(), feedback_key: 'tok', id }
    expect((await h.callAs(other, 'POST', '/feedback/tokens', taken)).status).toBe(200)
    await open(h, 'POST', `/feedback/tokens/${id}`, { score: 1 })
    expect(await feedback(h)).toMatchObject([{ run_id: runId, score: 1 }])
    expect((await h.callAs(other, 'GET', '/feedback')).body).toEqual([])
  })

  test('it counts in the statistics of its run', async () => {
    const h = await harness()
    const run = {
      id: randomUUID(),
      name: 'x',
      run_type: 'chain',
      start_time: '2026-01-21T14:35:42.000001Z',
    }
    const path = pathOf(await make(h, { run_id: run.id }))
    await open(h, 'POST', path, { score: 1 })
    await h.call('POST', '/runs', run)
    await h.drain()
    const { body } = await h.call('GET', `/runs/${run.id}`)
    expect(body.feedback_stats).toEqual({ tok: { n: 1, avg: 1, values: {} } })
  })
})

describe('4xx feedback through a link', () => {
  test('404 for a token that was never made, 422 for one that is not a UUID', async () => {
    const h = await harness()
    await make(h)
    for (const method of ['GET', 'POST'] as const) {
      const unknown = await open(h, method, `/feedback/tokens/${randomUUID()}?score=1`)
      expect(unknown.status).toBe(404)
      expect(unknown.text).toContain('not found')
      expect((await open(h, method, '/feedback/tokens/x')).status).toBe(422)
    }
    expect(h.errors).toEqual([])
  })

  test('403 once the link has expired, and nothing is stored', async () => {
    const h = await harness()
    const path = pathOf(await make(h, { expires_in: { hours: 1 } }))
    h.clock.advance(hour + 1000)
    expect((await open(h, 'POST', path, { score: 1 })).status).toBe(403)
    expect((await open(h, 'GET', `${path}?score=1`)).status).toBe(403)
    await h.drain()
    expect(await feedback(h)).toEqual([])
  })

  test('422 for wrong values, and nothing is stored; opening the link alone stores no feedback', async () => {
    const h = await harness()
    const path = pathOf(await make(h))
    for (const body of [
      { score: 'high' },
      { value: [1] },
      { comment: 7 },
      { correction: 7 },
      { metadata: [] },
      [],
      '{',
      '{"score":1e999}',
      `{"correction":{"a":${'['.repeat(1000)}${']'.repeat(1000)}}}`,
    ]) {
      const { status } = await open(h, 'POST', path, body)
      expect(status, JSON.stringify(body).slice(0, 80)).toBe(422)
    }
    for (const query of ['score=high', 'score=', 'score=1e999', 'score=1&score=2', 'metadata=[]']) {
      expect((await open(h, 'GET', `${path}?${query}`)).status, query).toBe(422)
    }
    expect((await h.app.inject({ method: 'HEAD', url: path })).statusCode).toBe(405)
    await h.drain()
    expect(await feedback(h)).toEqual([])
    expect((await open(h, 'POST', path, { comment: 'a\0\ud800' })).status).toBe(200)
    expect(await feedback(h)).toMatchObject([{ comment: 'a\ufffd\ufffd' }])
    expect(h.errors).toEqual([])
  })
})

describe('4xx /feedback/tokens', () => {
  test('409 for an id that a link to another run or key has', async () => {
    const h = await harness()
    const { body } = await make(h, { id: randomUUID() })
    expect((await make(h, { id: body.id })).status).toBe(409)
  })

  test('422 for malformed input, and a list with one wrong entry makes no link', async () => {
    const h = await harness()
    const runId = randomUUID()
    const valid = { run_id: runId, feedback_key: 'tok' }
    for (const body of [
      {},
      [],
      '{',
      [valid, {}],
      { ...valid, run_id: 'x' },
      { ...valid, feedback_key: '' },
      { ...valid, feedback_key: 'k'.repeat(181) },
      { ...valid, expires_at: 'soon' },
      { ...valid, expires_in: { hours: 'three' } },
      { ...valid, expires_in: { hours: 0.5 } },
      { ...valid, expires_in: { days: 1e12 } },
      { ...valid, feedback_config: { type: 'stars' } },
    ]) {
      const { status } = await h.call('POST', '/feedback/tokens', body)
      expect(status, JSON.stringify(body)).toBe(422)
    }
    expect((await h.call('GET', `/feedback/tokens?run_id=${runId}`)).body).toEqual([])
    expect((await h.call('GET', '/feedback/tokens')).status).toBe(422)
    expect((await h.call('GET', '/feedback/tokens?run_id=x')).status).toBe(422)
    expect(h.errors).toEqual([])
  })

  test('401 for making or listing links without a key', async () => {
    const h = await harness()
    const body = { run_id: randomUUID(), feedback_key: 'tok' }
    expect((await open(h, 'POST', '/feedback/tokens', body)).status).toBe(401)
    expect((await open(h, 'GET', `/feedback/tokens?run_id=${body.run_id}`)).status).toBe(401)
  })

  test("another tenant's links are not listed, and feedback through a link belongs to the link's tenant", async () => {
    const h = await harness()
    const runId = randomUUID()
    const path = pathOf(await make(h, { run_id: runId }))
    const other = await h.addTenant()
    expect((await h.callAs(other, 'GET', `/feedback/tokens?run_id=${runId}`)).body).toEqual([])
    await h.callAs(other, 'POST', path, { score: 1 })
    expect((await h.callAs(other, 'GET', '/feedback')).body).toEqual([])
    expect(await feedback(h)).toHaveLength(1)
  })
})
