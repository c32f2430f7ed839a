import { randomUUID } from 'node:crypto'
import { expect, describe, test } from 'vitest'
import { harness, type Harness } from '../support/harness.ts'

describe('operations', () => {
  test('a running server is alive, ready, and shows the depth of its queues', async () => {
    const h = await harness()
    expect((await h.call('GET', '/livez')).status).toBe(200)
    expect((await h.call('GET', '/readyz')).body).toEqual({ ready: true, problems: [] })
    expect((await h.call('GET', '/metrics')).text).toContain(
      'runmill_queue_jobs{queue="ingest",state="waiting"} 0',
    )
    expect((await h.call('GET', '/docs/json')).body.info.title).toBe('Runmill')
  })
})

test('the document says with which key each route is asked, and its page has a title of ours', async () => {
  const h = await harness()
  expect((await h.call('GET', '/docs/')).text).toContain('<title>Runmill’s API</title>')
  const { paths, components } = (await h.call('GET', '/docs/json')).body
  expect(Object.keys(components.securitySchemes)).toEqual(['basic', 'apiKey'])
  const given = { basic: basic(h), apiKey: { 'x-api-key': h.tenant.secretKey } }
  for (const path of ['/api/public/projects', '/sessions', '/api/runmill/datasets']) {
    const [scheme] = Object.keys(paths[path].get.security[0]) as (keyof typeof given)[]
    const ask = async (headers: Record<string, string>) =>
      (await h.app.inject({ method: 'GET', url: path, headers })).statusCode
    expect([path, await ask(given[scheme!]), await ask({})]).toEqual([path, 200, 401])
  }
  for (const path of ['/api/public/health', '/info', '/public/{share_token}/run']) {
    expect(paths[path].get.security, path).toEqual([])
  }
})

test('what asks for it is told of every request, but not of its query', async () => {
  const told: object[] = []
  const h = await harness({ tellRequest: (facts, message) => told.push({ ...facts, message }) })
  await h.call('GET', '/api/v1/sessions?name=hidden')
  await h.callAs({ ...h.tenant, secretKey: 'wrong' }, 'GET', '/api/v1/sessions')
  const request = { method: 'GET', path: '/sessions', ms: expect.any(Number), message: 'request' }
  expect(told).toEqual([
    { ...request, status: 200, tenantId: h.tenant.id },
    { ...request, status: 401, tenantId: undefined },
  ])
})

describe('routes', () => {
  test('a base URL that ends in a slash finds every dialect', async () => {
    const h = await harness()
    expect((await h.call('GET', '//api/public/projects', undefined, basic(h))).status).toBe(200)
    const sent = await h.call('POST', '//api/public/otel/v1/traces', {}, basic(h))
    expect(sent).toMatchObject({ status: 200, body: {} })
    expect((await h.call('GET', '//api/v1/info')).status).toBe(200)
    expect((await h.call('GET', '//info')).status).toBe(200)
  })

  test('a page of another origin may use every method', async () => {
    const h = await harness()
    const { headers } = await h.call('OPTIONS', '/api/public/scores/s', undefined, {
      origin: 'https://app.example',
      'access-control-request-method': 'DELETE',
      'access-control-request-headers': 'authorization',
    })
    expect(headers).toMatchObject({
      'access-control-allow-origin': 'https://app.example',
      'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
      'access-control-allow-headers': 'authorization',
    })
  })
})

describe('readiness', () => {
  test('turns red when work has waited for half a minute and nothing is finished, and green again once the work is done', async () => {
    const h = await harness({ isOwn: true })
    let release = (): void => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const locked = new Promise<void>((resolve) => {
      void h.db.begin(async (transaction) => {
        await transaction`lock table runs in access exclusive mode`
        resolve()
        await held
      })
    })
    await locked
    const posted = h.call('POST', '/runs', { id: randomUUID(), name: 'stuck', run_type: 'chain' })
    await expect.poll(async () => (await h.queue.counts())['ingest-interactive'].active).toBe(1)
    expect((await h.call('GET', '/readyz')).status).toBe(200)
    h.clock.advance(29_000)
    expect((await h.call('GET', '/readyz')).status).toBe(200)
    h.clock.advance(2_000)
    const red = await h.call('GET', '/readyz')
    expect(red).toMatchObject({ status: 503, body: { ready: false } })
    expect(red.body.problems).toEqual([
      expect.stringMatching(/^workers: nothing was finished for 31 s, and 1 jobs wait/),
    ])
    release()
    await posted
    await h.drain()
    expect((await h.call('GET', '/readyz')).status).toBe(200)
  })
})

describe('401', () => {
  test('each dialect refuses a missing key and a wrong key in its own shape', async () => {
    const h = await harness()
    const langfuse = await h.call('GET', '/api/public/nothing', undefined, {
      authorization: 'Basic cGs6c2s=',
    })
    expect(langfuse).toMatchObject({
      status: 401,
      body: { message: "Invalid credentials. Confirm that you've configured the correct host." },
    })
    const langsmith = await h.call('GET', '/nothing', undefined, { 'x-api-key': 'wrong' })
    expect(langsmith).toMatchObject({ status: 401, body: { detail: 'Invalid token' } })
  })

  test('a LangSmith key that is sent twice counts as one key, and two different keys count as none', async () => {
    const h = await harness()
    const url = await h.listen()
    const statusWith = async (...keys: string[]) => {
      const headers = keys.map((key): [string, string] => ['x-api-key', key])
      return (await fetch(`${url}/sessions`, { headers })).status
    }
    const { secretKey } = h.tenant
    expect(await statusWith(secretKey, secretKey)).toBe(200)
    const other = await h.addTenant()
    expect(await statusWith(secretKey, other.secretKey)).toBe(401)
  })
})

describe('404', () => {
  test('an unknown route is answered in the shape of its dialect, under every prefix', async () => {
    const h = await harness()
    expect(await h.call('GET', '/api/public/nothing')).toMatchObject({
      status: 404,
      body: { error: 'LangfuseNotFoundError' },
    })
    for (const prefix of ['', '/api', '/api/v1']) {
      expect(await h.call('GET', `${prefix}/nothing`)).toMatchObject({
        status: 404,
        body: { detail: 'Resource not found' },
      })
    }
  })
})

function basic(h: Harness): Record<string, string> {
  return { authorization: h.tenant.basic }
}
