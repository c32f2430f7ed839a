import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { harness, type Harness } from '../../../support/harness.ts'
import { ingestBatch, type BatchEvent } from '../../../support/langfuse-batch.ts'

const base = '/api/public'

const at = (second: number) => new Date(Date.UTC(2026, 0, 2, 3, 4, second)).toISOString()

async function list(h: Harness, query = '') {
  const answer = await h.call('GET', `${base}/sessions?${query}`)
  expect(answer.status, answer.text).toBe(200)
  return answer.body as { data: Record<string, unknown>[]; meta: Record<string, unknown> }
}

async function seed(h: Harness) {
  const trace = (
    id: string,
    sessionId: string | undefined,
    second: number,
    environment?: string,
  ): BatchEvent => ['trace-create', { id, sessionId, timestamp: at(second), environment }]
  await ingestBatch(
    h,
    trace('t1', 's/1', 3),
    trace('t2', 's/1', 1, 'prod'),
    trace('t3', 's2', 2),
    trace('t4', undefined, 9),
    ['score-create', { sessionId: 'scored', name: 'x', value: 1 }],
  )
}

describe('200', () => {
  test('a session begins with its first trace, which determines its environment; the newest session comes first', async () => {
    const h = await harness()
    await seed(h)
    expect(await list(h)).toEqual({
      data: [
        { id: 's2', createdAt: at(2), projectId: h.tenant.id, environment: 'default' },
        { id: 's/1', createdAt: at(1), projectId: h.tenant.id, environment: 'prod' },
      ],
      meta: { page: 1, limit: 50, totalItems: 2, totalPages: 1 },
    })
  })

  test.each([
    [`fromTimestamp=${at(2)}`, ['s2']],
    [`toTimestamp=${at(2)}`, ['s/1']],
    ['environment=prod', ['s/1']],
    ['environment=prod&environment=default', ['s2', 's/1']],
    ['environment=', ['s2', 's/1']],
    ['page=2&limit=1', ['s/1']],
    ['page=3&limit=1', []],
  ])('?%s', async (query, expected) => {
    const h = await harness()
    await seed(h)
    const { data } = await list(h, query)
    expect(data.map(({ id }) => id)).toEqual(expected)
  })

  test('a session is returned with all its traces, oldest first', async () => {
    const h = await harness()
    await seed(h)
    const many = Array.from(
      { length: 220 },
      (_, i): BatchEvent => ['trace-create', { id: `m${i}`, sessionId: 's/1', timestamp: at(5) }],
    )
    await ingestBatch(h, ...many)
    const answer = await h.call('GET', `${base}/sessions/s%2F1`)
    expect(answer.body).toMatchObject({
      id: 's/1',
      createdAt: at(1),
      environment: 'prod',
      projectId: h.tenant.id,
    })
    const found = answer.body.traces.map(({ id }: { id: string }) => id)
    expect(found.slice(0, 2)).toEqual(['t2', 't1'])
    expect(new Set(found).size).toBe(222)
    expect(answer.body.traces[0]).toMatchObject({
      id: 't2',
      sessionId: 's/1',
      tags: [],
      public: false,
      metadata: {},
      input: null,
    })
  })

  test("LangSmith's threads are sessions, until a client sets another session", async () => {
    const h = await harness()
    const id = randomUUID()
    await h.call('POST', '/runs', {
      id,
      name: 'r',
      run_type: 'chain',
      start_time: at(1),
      inputs: {},
      extra: { metadata: { session_id: 'thread' } },
    })
    await h.drain()
    expect((await list(h)).data).toMatchObject([{ id: 'thread', createdAt: at(1) }])
    const answer = await h.call('GET', `${base}/sessions/thread`)
    expect(answer.body).toMatchObject({ id: 'thread', traces: [{ id, name: 'r' }] })

    await ingestBatch(h, ['trace-create', { id, sessionId: 'moved' }])
    expect((await list(h)).data.map((session) => session.id)).toEqual(['moved'])
    expect((await h.call('GET', `${base}/sessions/thread`)).status).toBe(404)
  })

  test('a session disappears with its last trace', async () => {
    const h = await harness()
    await seed(h)
    await h.call('DELETE', `${base}/traces/t3`)
    expect((await list(h)).data.map(({ id }) => id)).toEqual(['s/1'])
    expect((await h.call('GET', `${base}/sessions/s2`)).status).toBe(404)
  })
})

describe('4xx', () => {
  test.each(['unheard', 'scored', 'x\0y', "' or 1=1"])('session %s is not found', async (id) => {
    const h = await harness()
    await seed(h)
    const answer = await h.call('GET', `${base}/sessions/${encodeURIComponent(id)}`)
    expect(answer).toMatchObject({
      status: 404,
      body: {
        message: 'Session not found within authorized project',
        error: 'LangfuseNotFoundError',
      },
    })
    expect(h.errors).toEqual([])
  })

  test.each(['page=0', 'limit=101', 'fromTimestamp=2026-01-01', 'toTimestamp=x', 'page=1&page=2'])(
    '?%s is refused',
    async (query) => {
      const h = await harness()
      const answer = await h.call('GET', `${base}/sessions?${query}`)
      expect(answer.status, answer.text).toBe(400)
      expect(h.errors).toEqual([])
    },
  )
})
