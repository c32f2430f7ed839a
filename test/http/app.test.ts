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
    const url = await h.app.listen({ port: 0, host: '127.0.0.1' })
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
