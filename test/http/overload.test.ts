import { randomUUID } from 'node:crypto'
import { type ClientRequest, request } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { QueueUnavailableError } from '../../src/queue/backend.ts'
import { harness, type Harness } from '../support/harness.ts'
import type { TestTenant } from '../support/tenant.ts'

const mebibyte = 1_048_576

/** A request whose body the test sends piece by piece. */
interface OpenRequest {
  send(text: string): void
  end(text: string): void
  /** Resolves to the status; a connection that breaks off before is null. */
  status: Promise<number | null>
}

const opened: ClientRequest[] = []
/** Their other ends. */
let accepted: Socket[] = []

/** Resolves once the server has read so many bytes of the opened requests. */
async function bytesArrived(count: number): Promise<void> {
  await expect
    .poll(() => accepted.reduce((sum, socket) => sum + socket.bytesRead, 0))
    .toBeGreaterThanOrEqual(count)
}

// Before the harness is given back: a server does not stop while requests are under way.
afterEach(() => {
  for (const each of opened.splice(0)) each.destroy()
})

/** Opens requests, over sockets of their own, that are destroyed at the end of the test. */
async function opener(
  h: Harness,
): Promise<(path: string, headers: Record<string, string | number>) => OpenRequest> {
  accepted = []
  h.app.server.on('connection', (socket: Socket) => accepted.push(socket))
  await h.app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = h.app.server.address() as AddressInfo
  return (path, headers) => {
    const open = request({ host: '127.0.0.1', port, method: 'POST', path, headers, agent: false })
    opened.push(open)
    const status = new Promise<number | null>((resolve) => {
      open.on('response', (answer) => resolve(answer.resume().statusCode ?? null))
      open.on('error', () => resolve(null))
    })
    open.flushHeaders()
    return { send: (text) => void open.write(text), end: (text) => void open.end(text), status }
  }
}

function jsonHeaders(tenant: TestTenant, length: number): Record<string, string | number> {
  return {
    'x-api-key': tenant.secretKey,
    'content-type': 'application/json',
    'content-length': length,
  }
}

/** Resolves once the server has seen so many requests. */
async function requestsSeen(h: Harness, count: number): Promise<void> {
  let seen = 0
  return new Promise((resolve) => {
    h.app.server.on('request', () => ++seen === count && resolve())
  })
}

describe('bodies that are announced and not sent', () => {
  test('I7: take nothing from others, with a key and without one', async () => {
    const h = await harness({ isOwn: true })
    const open = await opener(h)
    const seen = requestsSeen(h, 8)
    for (let i = 0; i < 4; i++) {
      open('/runs/batch', jsonHeaders(h.tenant, 20 * mebibyte)).send('{')
      open(`/feedback/tokens/${randomUUID()}`, { 'content-length': 100_000 }).send('{')
    }
    await seen
    const other = await h.addTenant()
    for (const tenant of [other, h.tenant]) {
      expect((await h.callAs(tenant, 'POST', '/datasets', { name: 'x' })).status).toBe(200)
    }
    const token = await h.call('POST', `/feedback/tokens/${randomUUID()}`, { score: 1 })
    expect(token.status).toBe(404)
  })

  test('without a key they are refused by their length when that is larger than such routes take', async () => {
    const h = await harness({ isOwn: true })
    const open = await opener(h)
    for (const path of [`/feedback/tokens/${randomUUID()}`, `/public/${randomUUID()}/runs/query`]) {
      const large = open(path, { 'content-length': 20 * mebibyte })
      large.send('{')
      expect(await large.status).toBe(413)
    }
  })
})

describe('503', () => {
  test('I7: bodies over the byte budget are refused at once with Retry-After, and taken again when there is room', async () => {
    const h = await harness({ limits: { bytesInFlight: 40_000 } })
    const open = await opener(h)
    const padding = 'x'.repeat(14_000)
    const held = Array.from({ length: 2 }, () => open('/runs/batch', jsonHeaders(h.tenant, 16_000)))
    for (const each of held) each.send(padding)
    await bytesArrived(28_000)
    const name = 'y'.repeat(4000)
    for (const [url, body] of [
      ['/runs/batch', { error: 'Service temporarily unavailable' }],
      ['/datasets', { detail: 'Service temporarily unavailable' }],
      ['/api/public/v2/datasets', { message: 'Service temporarily unavailable' }],
    ] as const) {
      await expect.poll(async () => (await h.call('POST', url, { name })).status).toBe(503)
      const answer = await h.call('POST', url, { name })
      expect(answer).toMatchObject({ status: 503, body, headers: { 'retry-after': '5' } })
    }
    expect((await h.call('GET', '/datasets')).status).toBe(200)
    expect(await h.db`select from datasets where name = ${name}`).toHaveLength(0)

    for (const each of held) each.end('x'.repeat(2000))
    expect(await Promise.all(held.map(async ({ status }) => status))).toEqual([422, 422])
    await expect
      .poll(async () => (await h.call('POST', '/runs/batch', { name })).status)
      .not.toBe(503)
  })

  test('I7: a tenant holds three quarters of the budget, and half of it once another one finds no room', async () => {
    const h = await harness({ limits: { bytesInFlight: 40_000 } })
    const open = await opener(h)
    const held = Array.from({ length: 2 }, () => open('/runs/batch', jsonHeaders(h.tenant, 16_000)))
    for (const each of held) each.send('x'.repeat(14_000))
    await bytesArrived(28_000)
    const own = { name: 'y'.repeat(4000) }
    await expect.poll(async () => (await h.call('POST', '/runs/batch', own)).status).toBe(503)

    const other = await h.addTenant()
    const status = async (bytes: number) =>
      (await h.callAs(other, 'POST', '/runs/batch', { name: 'z'.repeat(bytes) })).status
    expect(await status(4000)).toBe(202)
    expect(await status(16_000)).toBe(503)
    held[0]!.send('x')
    expect(await held[0]!.status).toBe(503)
    expect(await status(16_000)).toBe(202)
  })

  test('I7: bodies of routes without a key have a small budget of their own', async () => {
    const h = await harness({ limits: { keylessBytesInFlight: 10_000 } })
    const open = await opener(h)
    const path = `/feedback/tokens/${randomUUID()}`
    const held = open(path, { 'content-length': 9000 })
    held.send('x'.repeat(8000))
    await bytesArrived(8000)
    const body = { comment: 'x'.repeat(4000) }
    await expect.poll(async () => (await h.call('POST', path, body)).status).toBe(503)
    const withKey = await h.call('POST', '/datasets', { name: 'y'.repeat(4000) })
    expect(withKey.status).not.toBe(503)
  })

  test('I7: bodies that tell no length are counted as they grow: what finds no room is refused, what was there goes on', async () => {
    const h = await harness({ isOwn: true })
    const open = await opener(h)
    const headers = {
      'x-api-key': h.tenant.secretKey,
      'content-type': 'multipart/form-data; boundary=b',
    }
    const part = (id: string, bytes: number): string =>
      `--b\r\nContent-Disposition: form-data; name="post.${id}.inputs"\r\n\r\n{"text":"${'x'.repeat(bytes)}`
    const end = '"}\r\n--b--\r\n'
    const large = Array.from({ length: 2 }, () => {
      const each = open('/runs/multipart', headers)
      each.send(part(randomUUID(), 16 * mebibyte))
      return each
    })
    await bytesArrived(32 * mebibyte)
    const { port } = h.app.server.address() as AddressInfo
    const small = async () =>
      fetch(`http://127.0.0.1:${port}/runs/multipart`, {
        method: 'POST',
        headers,
        body: part(randomUUID(), 10 * mebibyte) + end,
      })

    await expect.poll(async () => (await small()).status).toBe(503)
    const refused = await small()
    expect(refused.headers.get('retry-after')).toBe('5')
    expect(await refused.json()).toEqual({ error: 'Service temporarily unavailable' })

    for (const each of large) each.end(end)
    expect(await Promise.all(large.map(async ({ status }) => status))).toEqual([202, 202])
    await expect.poll(async () => (await small()).status).toBe(202)
  })

  test('I7: a body counts until its request is answered', async () => {
    const h = await harness({ limits: { bytesInFlight: 40_000 } })
    await h.app.ready()
    let release = (): void => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const enqueue = h.queue.enqueue.bind(h.queue)
    let isHeld = false
    h.queue.enqueue = async (...job) => {
      isHeld = true
      await held
      return enqueue(...job)
    }
    const body = (): object => ({
      post: [
        { id: randomUUID(), name: 'x', run_type: 'chain', inputs: { text: 'x'.repeat(20_000) } },
      ],
    })
    const first = h.call('POST', '/runs/batch', body())
    await expect.poll(() => isHeld).toBe(true)
    expect((await h.call('POST', '/runs/batch', body())).status).toBe(503)
    release()
    expect((await first).status).toBe(202)
    expect((await h.call('POST', '/runs/batch', body())).status).toBe(202)
  })
})

describe('202', () => {
  test('I7: of a tenant that sends many requests few are worked on at a time, and another one waits for none of them', async () => {
    const h = await harness({ isOwn: true })
    await h.app.ready()
    const other = await h.addTenant()
    let release = (): void => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const enqueue = h.queue.enqueue.bind(h.queue)
    let begun = 0
    h.queue.enqueue = async (queue, jobs, priority) => {
      const isOther = jobs.some((job) => 'tenantId' in job && job.tenantId === other.id)
      if (!isOther) {
        begun += 1
        await held
      }
      return enqueue(queue, jobs, priority)
    }
    const run = () => ({ post: [{ id: randomUUID(), name: 'x', run_type: 'chain' }] })
    const many = Array.from({ length: 20 }, async () => h.call('POST', '/runs/batch', run()))
    await expect.poll(() => begun).toBe(8)
    expect((await h.callAs(other, 'POST', '/runs/batch', run())).status).toBe(202)
    expect(begun).toBe(8)
    release()
    const statuses = (await Promise.all(many)).map(({ status }) => status)
    expect(statuses).toEqual(Array.from({ length: 20 }, () => 202))
  })

  test('I7: clients that leave before they are answered keep no place, also when what they sent is then refused', async () => {
    const h = await harness({ isOwn: true })
    const open = await opener(h)
    const enqueue = h.queue.enqueue.bind(h.queue)
    let begun = 0
    let refuse = (): void => {}
    const refused = new Promise<never>((_, reject) => {
      refuse = () => reject(new QueueUnavailableError('away'))
    })
    h.queue.enqueue = async () => {
      begun += 1
      return refused
    }
    const body = JSON.stringify({ post: [{ id: randomUUID(), name: 'x', run_type: 'chain' }] })
    for (let i = 0; i < 8; i++) {
      open('/runs/batch', jsonHeaders(h.tenant, Buffer.byteLength(body))).end(body)
    }
    await expect.poll(() => begun).toBe(8)
    for (const each of opened) each.destroy()
    await expect.poll(() => accepted.every((socket) => socket.destroyed)).toBe(true)
    refuse()
    h.queue.enqueue = enqueue
    const run = { post: [{ id: randomUUID(), name: 'x', run_type: 'chain' }] }
    expect((await h.call('POST', '/runs/batch', run)).status).toBe(202)
  })
})

describe('400', () => {
  test('what the router itself refuses is answered in the shape of the dialect', async () => {
    const h = await harness()
    expect(await h.call('GET', '/api/public/v2/datasets/%E0%A4%A')).toMatchObject({
      status: 400,
      body: { error: 'InvalidRequestError' },
    })
    expect(await h.call('GET', '/datasets/%E0%A4%A')).toMatchObject({
      status: 400,
      body: { detail: expect.any(String) },
    })
    const endless = await h.call('GET', `/api/public/v2/datasets/${'x'.repeat(5000)}`)
    expect(endless).toMatchObject({ status: 414, body: { error: 'InvalidRequestError' } })
  })
})
