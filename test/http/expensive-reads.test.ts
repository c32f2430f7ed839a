import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { requestLimits } from '../../src/store/request-pool.ts'
import { harness, type Harness, type HarnessOptions } from '../support/harness.ts'
import type { TestTenant } from '../support/tenant.ts'

/** Of what a search looks for, the worst to look for in a body of nothing but `a`. */
const worstText = `${'a'.repeat(499)}b`
const worstSearch = `search("${worstText}")`

interface Listening extends Harness {
  url: string
  /** Sends a request that leaves when the signal is aborted. */
  fetchAs(
    tenant: TestTenant,
    path: string,
    body?: unknown,
    signal?: AbortSignal,
  ): Promise<{ status: number; body: unknown; headers: Headers }>
  /** Statements of the name, or of one that begins with it, that Postgres works on. */
  active(name: string): Promise<number>
}

async function listening(options: HarnessOptions = {}): Promise<Listening> {
  const h = await harness({ isOwn: true, ...options })
  const url = await h.app.listen({ port: 0, host: '127.0.0.1' })
  return {
    ...h,
    url,
    fetchAs: async (tenant, path, body, signal) => {
      const response = await fetch(url + path, {
        method: body === undefined ? 'GET' : 'POST',
        headers: {
          ...(path.startsWith('/api/public')
            ? { authorization: tenant.basic }
            : { 'x-api-key': tenant.secretKey }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(signal === undefined ? {} : { signal }),
      })
      const { status, headers } = response
      return { status, headers, body: await response.json() }
    },
    active: async (name) => {
      const rows = await h.db`
        select from pg_stat_activity
        where datname = current_database() and state = 'active' and query like ${`%-- name: ${name}%`}
          and pid <> pg_backend_pid()`
      return rows.length
    },
  }
}

interface Attacked extends Listening {
  /** @param path of what reads runs. Default: their list */
  search(signal?: AbortSignal, path?: string): ReturnType<Listening['fetchAs']>
  /** Statements over runs that Postgres works on. */
  burning(): Promise<number>
}

const bodies = 200

/** A project of the tenant has runs whose search takes minutes. */
async function attacked(options: HarnessOptions = {}): Promise<Attacked> {
  const h = await listening(options)
  const session = await h.call('POST', '/sessions', { name: 'big' })
  const sessionId = String(session.body.id)
  const post = Array.from({ length: bodies }, () => {
    const id = randomUUID()
    return {
      id,
      trace_id: id,
      dotted_order: `20260101T000000000000Z${id}`,
      name: 'big',
      run_type: 'chain',
      session_id: sessionId,
      inputs: { a: '' },
      start_time: '2026-01-01T00:00:00Z',
    }
  })
  expect((await h.call('POST', '/runs/batch', { post })).status).toBe(202)
  await h.drain()
  await h.db.begin(async (sql) => {
    await sql`set local statement_timeout = 0`
    await sql`update runs set inputs = ('{"a":"' || repeat('a', 400000) || '"}')::json`
  })
  return {
    ...h,
    search: async (signal, path = '/runs/query') =>
      h.fetchAs(
        h.tenant,
        path,
        {
          session: [sessionId],
          select: path === '/runs/query' ? ['id'] : undefined,
          filter: worstSearch,
        },
        signal,
      ),
    burning: async () => h.active('run'),
  }
}

describe('a read that nobody waits for', () => {
  test('is cancelled in Postgres when its client leaves, and the pool is whole afterwards', async () => {
    const h = await attacked()
    for (let round = 0; round < 3; round++) {
      const leaving = new AbortController()
      const answers = [1, 2, 3, 4].map(async () => h.search(leaving.signal).catch(() => null))
      await expect.poll(h.burning).toBeGreaterThan(0)
      leaving.abort()
      expect(await Promise.all(answers)).toEqual([null, null, null, null])
      await expect.poll(h.burning).toBe(0)
    }
    const many = Array.from({ length: 20 }, async () => h.fetchAs(h.tenant, '/sessions'))
    expect((await Promise.all(many)).map(({ status }) => status)).toEqual(Array(20).fill(200))
    expect(h.errors).toEqual([])
  })

  test('is cancelled while its answer is streamed, too', async () => {
    // Nothing but the client's leaving ends a statement that waits for the lock.
    const h = await harness({
      isOwn: true,
      statementLimits: { statementMs: 600_000, lockMs: 600_000 },
    })
    const url = await h.app.listen({ port: 0, host: '127.0.0.1' })
    const dataset = await h.call('POST', '/datasets', { name: 'streamed' })
    await h.call('POST', '/examples', { dataset_id: dataset.body.id, inputs: {} })
    const waiting = async (): Promise<number> => {
      const rows = await h.db`
        select from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and query like '%-- name: example_list%'`
      return rows.length
    }
    const leaving = new AbortController()
    await h.db.begin(async (sql) => {
      await sql`lock table examples in access exclusive mode`
      const answer = fetch(`${url}/datasets/${dataset.body.id}/jsonl`, {
        headers: { 'x-api-key': h.tenant.secretKey },
        signal: leaving.signal,
      }).catch(() => null)
      await expect.poll(waiting).toBe(1)
      leaving.abort()
      expect(await answer).toBeNull()
      await expect.poll(waiting).toBe(0)
    })
    expect(h.errors).toEqual([])
  })

  test('ends soon after a stop, with an answer that says to come again', async () => {
    // Nothing but the stop ends it: it waits for the lock, which takes no processor from other tests.
    const h = await attacked({ statementLimits: { statementMs: 600_000, lockMs: 600_000 } })
    await h.db.begin(async (sql) => {
      await sql`lock table runs in access exclusive mode`
      const answer = h.search()
      await expect.poll(h.burning).toBe(1)
      const closed = h.app.close()
      expect(await answer).toMatchObject({
        status: 503,
        body: { detail: 'Service temporarily unavailable' },
      })
      await closed
      expect(await h.burning()).toBe(0)
    })
  })
})

describe('503', () => {
  test('whoever waits for a lock is told to come again: a lock passes', async () => {
    const { lockMs, connectionMs: _, ...times } = requestLimits
    expect(Math.min(...Object.values(times))).toBeGreaterThan(lockMs)
    const h = await harness({ isOwn: true, statementLimits: { lockMs: 100 } })
    await h.db.begin(async (sql) => {
      await sql`lock table traces in access exclusive mode`
      const answer = await h.call('GET', '/api/public/traces?name=any')
      expect(answer.status).toBe(503)
      expect(answer.headers['retry-after']).toBeDefined()
    })
  })
})

describe('422 and 400', () => {
  test('a statement that takes too long is ended, and the client told to ask for less', async () => {
    const h = await attacked({ statementLimits: { statementMs: 500 } })
    const sentence = /^Stopped because it took too long: .*narrow the filter/
    expect(await h.search()).toMatchObject({
      status: 422,
      body: { detail: [{ msg: expect.stringMatching(sentence) }] },
    })
    const filter = JSON.stringify([
      { type: 'string', column: 'input', operator: 'contains', value: worstText },
    ])
    const path = `/api/public/v2/observations?filter=${encodeURIComponent(filter)}`
    expect(await h.fetchAs(h.tenant, path)).toMatchObject({
      status: 400,
      body: { message: expect.stringMatching(sentence), error: 'InvalidRequestError' },
    })
    expect((await h.fetchAs(h.tenant, '/sessions')).status).toBe(200)
    expect(h.errors).toEqual([])
  })

  test('so is a list with conditions, sooner', async () => {
    const h = await attacked({ statementLimits: { listMs: 500 } })
    expect(await h.search()).toMatchObject({
      status: 422,
      body: { detail: [{ msg: expect.stringMatching(/^Stopped because it took too long/) }] },
    })
    expect((await h.fetchAs(h.tenant, '/sessions')).status).toBe(200)
    expect(h.errors).toEqual([])
  })

  test('so are statistics over runs, sooner', async () => {
    const h = await attacked({ statementLimits: { statisticsMs: 500 } })
    expect(await h.search(undefined, '/runs/stats')).toMatchObject({
      status: 422,
      body: { detail: [{ msg: expect.stringMatching(/^Stopped because it took too long/) }] },
    })
    expect(h.errors).toEqual([])
  })

  test('what is looked for has at most 500 characters', async () => {
    const h = await harness()
    const long = 'a'.repeat(501)
    const session = [randomUUID()]
    for (const filter of [
      `search("${long}")`,
      `search(inputs, "${long}")`,
      `like(name, "${long}")`,
      `contains(outputs, "${long}")`,
      `like(input_value, "${long}")`,
    ]) {
      expect(await h.call('POST', '/runs/query', { session, filter }), filter).toMatchObject({
        status: 400,
        body: { detail: expect.stringContaining('has at most 500 characters') },
      })
    }
    for (const [method, path, body] of [
      ['POST', '/runs/query', { session, query: long }],
      ['GET', `/examples?full_text_contains=${long}`, undefined],
      ['GET', `/datasets?name_contains=${long}`, undefined],
      ['GET', `/sessions?name_contains=${long}`, undefined],
    ] as const) {
      expect(await h.call(method, path, body), path).toMatchObject({
        status: 422,
        body: { detail: [{ msg: 'String should have at most 500 characters' }] },
      })
    }
    for (const operator of ['contains', 'does not contain', 'starts with', 'ends with']) {
      const filter = JSON.stringify([{ type: 'string', column: 'name', operator, value: long }])
      const path = `/api/public/v2/observations?filter=${encodeURIComponent(filter)}`
      expect(await h.call('GET', path), operator).toMatchObject({
        status: 400,
        body: { message: expect.stringContaining('takes at most 500 characters') },
      })
    }
  })
})

describe('429', () => {
  test('24 expensive reads of one tenant: another one reads, writes and finds the server ready, and some of them are told to come again', async () => {
    // They wait for a lock that nobody else needs, which takes no processor from other tests.
    const h = await listening({ statementLimits: { statementMs: 600_000, lockMs: 600_000 } })
    const dataset = await h.call('POST', '/datasets', { name: 'locked' })
    const locking = await h.db.reserve()
    await locking`begin`
    await locking`lock table comparative_experiments in access exclusive mode`
    const other = await h.addTenant()
    const leaving = new AbortController()
    const finished: (number | null)[] = []
    const attack = Array.from({ length: 24 }, async () => {
      const path = `/datasets/${dataset.body.id}/comparative`
      const answer = await h.fetchAs(h.tenant, path, undefined, leaving.signal).catch(() => null)
      finished.push(answer?.status ?? null)
      return answer
    })
    const burning = async () => h.active('comparative_experiment_list')
    await expect.poll(burning).toBeGreaterThan(1)

    const run = { id: randomUUID(), name: 'mine', run_type: 'chain', inputs: {} }
    expect((await h.fetchAs(other, '/sessions', { name: 'mine' })).status).toBe(200)
    expect((await h.fetchAs(other, '/runs', { ...run, session_name: 'mine' })).status).toBe(202)
    await h.drain()
    expect((await h.fetchAs(other, `/runs/${run.id}`)).status).toBe(200)
    expect((await h.fetchAs(other, '/readyz')).status).toBe(200)
    expect((await h.fetchAs(h.tenant, '/datasets', { name: 'written' })).status).toBe(200)
    expect(finished.filter((status) => status === 200)).toEqual([])
    expect(await burning()).toBe(2)

    const refused = await Promise.race(attack)
    expect(refused).toMatchObject({
      status: 429,
      body: { detail: expect.stringContaining('Too many reads at a time') },
    })
    expect(refused!.headers.get('retry-after')).toBe('5')
    const langfuse = await h.fetchAs(h.tenant, '/api/public/traces')
    expect(langfuse).toMatchObject({
      status: 429,
      body: { message: expect.stringContaining('Too many reads at a time') },
    })
    leaving.abort()
    await Promise.all(attack)
    await expect.poll(burning).toBe(0)
    await locking`rollback`
    locking.release()
    expect((await h.fetchAs(h.tenant, '/sessions')).status).toBe(200)
  })
})
