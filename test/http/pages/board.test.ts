import { randomUUID } from 'node:crypto'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { closePool, openPool } from '../../../src/store/pool.ts'
import { harness } from '../../support/harness.ts'
import { createTestDatabase } from '../../support/postgres.ts'
import { startRedis, testsRunOnRedis } from '../../support/redis.ts'
import { startRunmill } from '../../support/runmill-process.ts'
import { insertKey, insertTenant } from '../../support/tenant.ts'

const passPath = '/api/runmill/queues/pass'
const board = '/app/queues'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

interface Queue {
  name: string
  displayName: string
  readOnlyMode: boolean
  isPaused: boolean
  jobs: { id: string }[]
}

/** A server without workers, in whose queue a tenant's event waits. */
async function server(kind: 'redis' | 'postgres') {
  const database = await createTestDatabase()
  closing.push(async () => database.drop())
  const db = openPool(database.url, { max: 1 })
  closing.push(async () => closePool(db))
  const tenant = await insertTenant(db)
  const admin = await insertKey(db, tenant.id, ['read', 'write', 'admin'])
  const redis = kind === 'redis' ? await startRedis(['--requirepass', 'pass-of-redis']) : null
  if (redis !== null) closing.push(async () => redis.stop())
  const process = startRunmill({
    DATABASE_URL: database.url,
    ROLE: 'api',
    RUNMILL_DATA_DIR: await mkdtemp(join(tmpdir(), 'runmill-board-')),
    ...(redis === null
      ? {}
      : { REDIS_URL: redis.url.replace('redis://', 'redis://:pass-of-redis@') }),
  })
  closing.push(async () => {
    process.signal('SIGTERM')
    return process.exited
  })
  const url = await process.ready
  const call = async (
    method: string,
    path: string,
    headers: Record<string, string> = {},
    body?: object,
  ) =>
    fetch(url + path, {
      method,
      headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
      redirect: 'manual',
    })
  const [id, trace] = [randomUUID(), randomUUID()]
  const run = {
    id,
    trace_id: trace,
    dotted_order: `20260101T000000000000Z${trace}.20260101T000001000000Z${id}`,
    parent_run_id: trace,
    name: 'a',
    run_type: 'llm',
    start_time: '2026-01-01T00:00:01Z',
    inputs: { question: 'secret-of-the-tenant' },
  }
  const sent = await call('POST', '/runs/batch', { 'x-api-key': tenant.secretKey }, { post: [run] })
  expect(sent.status).toBe(202)
  const enter = async (): Promise<Record<string, string>> => {
    const answer = await call('POST', passPath, { 'x-api-key': admin })
    expect(answer.status).toBe(200)
    return { cookie: answer.headers.get('set-cookie')!.split(';')[0]! }
  }
  const read = async (pass: Record<string, string>, query = ''): Promise<Queue[]> => {
    const answer = await call('GET', `${board}/api/queues${query}`, pass)
    expect(answer.status).toBe(200)
    return ((await answer.json()) as { queues: Queue[] }).queues
  }
  /** The lane in which the event waits. */
  const lane = async (pass: Record<string, string>): Promise<Queue & { path: string }> => {
    const ofLane = ({ displayName }: Queue) => displayName === 'ingest'
    const path = encodeURIComponent((await read(pass)).find(ofLane)!.name)
    return { ...(await read(pass, `?activeQueue=${path}`)).find(ofLane)!, path }
  }
  return { call, enter, read, lane, admin, tenant, redis }
}

const kinds = testsRunOnRedis() ? (['redis', 'postgres'] as const) : (['postgres'] as const)

describe.each(kinds)('the queues on %s', (kind) => {
  test('are shown to whoever has a key of the scope admin: jobs, but not what was sent, nor any secret', async () => {
    const { call, enter, read, lane, admin, tenant } = await server(kind)
    const pass = await enter()
    const page = await call('GET', board, pass)
    const html = await page.text()
    expect([page.status, html]).toEqual([200, expect.stringContaining('<div id="root">')])
    expect(page.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; script-src 'self'; style-src 'self'; .*connect-src 'self'/,
    )
    // Nothing is loaded from elsewhere.
    expect(html).not.toMatch(/(?:src|href)="(?:https?:)?\/\//)
    for (const [, file] of html.matchAll(/(?:src|href)="(static\/[^"]+)"/g)) {
      expect((await call('GET', `${board}/${file!}`, pass)).status, file).toBe(200)
    }
    const queues = await read(pass)
    expect(queues.map(({ displayName }) => displayName)).toContain('aggregate')
    expect(queues.every(({ readOnlyMode }) => readOnlyMode)).toBe(true)
    const ingest = await lane(pass)
    expect(ingest.jobs).toMatchObject([
      {
        timestamp: expect.any(Number),
        attempts: 0,
        data: { tenantId: tenant.id, receivedAt: expect.any(String), events: { run: 1 } },
      },
    ])
    const stats = await (await call('GET', `${board}/api/redis/stats`, pass)).text()
    expect(JSON.parse(stats)).toMatchObject({ backend: kind, version: expect.any(String) })
    for (const secret of ['secret-of-the-tenant', 'pass-of-redis', tenant.secretKey, admin]) {
      expect(html + JSON.stringify(ingest) + stats).not.toContain(secret)
    }
  })

  test('nothing can be changed there, with a pass or without', async () => {
    const { call, enter, lane } = await server(kind)
    const pass = await enter()
    const { path: queue, jobs } = await lane(pass)
    const [job] = jobs
    for (const [method, path] of [
      ['PUT', `/api/queues/${queue}/empty`],
      ['PUT', `/api/queues/${queue}/obliterate`],
      ['PUT', `/api/queues/${queue}/pause`],
      ['PUT', `/api/queues/${queue}/clean/wait`],
      ['PUT', `/api/queues/${queue}/${job!.id}/clean`],
      ['POST', `/api/queues/${queue}/add`],
      ['PATCH', `/api/queues/${queue}/${job!.id}/update-data`],
      ['PUT', '/api/queues/pause'],
    ] as const) {
      const answer = await call(method, board + path, pass, {})
      expect([method, path, answer.status]).toEqual([method, path, 405])
      expect(answer.headers.get('allow')).toBe('GET, HEAD')
      expect((await call(method, board + path, {}, {})).status).toBe(401)
    }
    expect(await lane(pass)).toMatchObject({ isPaused: false, jobs: [{ id: job!.id }] })
  })
})

test('a wrong key gets no pass, nor does one that is not of the scope admin, and without a pass nothing is shown', async () => {
  const { call, enter, admin, tenant } = await server(kinds[0])
  expect((await call('POST', passPath, { 'x-api-key': 'sk-lf-wrong' })).status).toBe(401)
  expect((await call('POST', passPath)).status).toBe(401)
  const refused = await call('POST', passPath, { 'x-api-key': tenant.secretKey })
  expect([refused.status, await refused.json()]).toEqual([403, { error: 'Forbidden' }])
  expect(refused.headers.get('set-cookie')).toBeNull()

  const given = await call('POST', passPath, { 'x-api-key': admin })
  expect(await given.json()).toEqual({ address: board, seconds: 900 })
  expect(given.headers.get('set-cookie')).toMatch(
    /^runmill-queues=[\w-]{36}\.[\w-]{36}\.\d+\.[\w-]{43}; Path=\/app\/queues; Max-Age=900; HttpOnly; SameSite=Strict$/,
  )
  const { cookie } = await enter()
  const [name, expiresAt, signature] = cookie!.split(/[=.]/)
  const wrong = [
    undefined,
    `${name!}=`,
    `${name!}=${Number(expiresAt) + 1}.${signature!}`,
    `${name!}=${expiresAt!}.${'A'.repeat(43)}`,
    `${name!}=1.${signature!}`,
  ]
  for (const each of wrong) {
    for (const path of ['', '/', '/queue/x', '/api/queues', '/static/favicon.ico']) {
      const headers = each === undefined ? {} : { cookie: each }
      const answer = await call('GET', board + path, headers)
      expect([each, path, answer.status]).toEqual([each, path, 401])
    }
  }
  // A key is no pass, and a pass is no key.
  expect((await call('GET', `${board}/api/queues`, { 'x-api-key': admin })).status).toBe(401)
  expect((await call('GET', '/api/runmill/ingestion', { cookie: cookie! })).status).toBe(401)
})

test('a queue in the memory of the server cannot be looked into: 404', async () => {
  const h = await harness()
  const admin = { 'x-api-key': await insertKey(h.db, h.tenant.id, ['read', 'write', 'admin']) }
  const { status, body } = await h.call('POST', passPath, undefined, admin)
  expect(status).toBe(404)
  expect(body).toEqual({ error: 'The queue of this server is in its own memory' })
})

describe.runIf(testsRunOnRedis())('while Redis is away', () => {
  test('503, and the server goes on', async () => {
    const { call, enter, redis } = await server('redis')
    const pass = await enter()
    await redis!.kill()
    const answer = await call('GET', `${board}/api/queues`, pass)
    expect(answer.status).toBe(503)
    expect(await answer.json()).toEqual({ message: 'The queue does not answer now.' })
    expect((await call('GET', board, pass)).status).toBe(200)
  })
})
