import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import { harness, type Harness } from '../support/harness.ts'

const clients: Socket[] = []

// Before the harness is given back: a server does not stop while requests are under way.
afterEach(() => {
  for (const client of clients.splice(0)) client.destroy()
})

/** A connection to the server, whose other end is read as text. */
interface RawClient {
  socket: Socket
  received(): string
  closed: Promise<unknown>
}

async function openClient(h: Harness): Promise<RawClient> {
  const { port } = h.app.server.address() as AddressInfo
  const socket = connect({ port, host: '127.0.0.1' })
  clients.push(socket)
  let text = ''
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  socket.on('error', () => {})
  const closed = new Promise((resolve) => {
    socket.once('close', resolve)
  })
  await once(socket, 'connect')
  return { socket, received: () => text, closed }
}

async function listening(limits: Parameters<typeof harness>[0] & object): Promise<Harness> {
  const h = await harness(limits)
  await h.app.listen({ port: 0, host: '127.0.0.1' })
  return h
}

/** Sends a byte again and again until the connection ends. */
function trickle({ socket }: RawClient): void {
  const timer = setInterval(() => socket.write(' '), 20)
  socket.once('close', () => clearInterval(timer))
  onTestFinished(() => clearInterval(timer))
}

const slow = { slowBodyMs: 300, slowBodyBytesPerSecond: 10_000 }

describe('408', () => {
  test('a body of a byte now and then is ended in the shape of the dialect, and the connection closes', async () => {
    const h = await listening({ limits: slow })
    for (const [path, authorization, body] of [
      ['/datasets', `x-api-key: ${h.tenant.secretKey}`, /\{"detail":"[^"]+"\}$/],
      ['/runs/batch', `x-api-key: ${h.tenant.secretKey}`, /\{"error":"[^"]+"\}$/],
      [
        '/api/public/v2/datasets',
        `authorization: ${h.tenant.basic}`,
        /\{"message":"[^"]+","error":"InvalidRequestError"\}$/,
      ],
      ['/v1/traces', `x-api-key: ${h.tenant.secretKey}`, /\{"code":4,"message":"[^"]+"\}$/],
      [`/feedback/tokens/${randomUUID()}`, 'accept: */*', /\{"detail":"[^"]+"\}$/],
    ] as const) {
      const client = await openClient(h)
      client.socket.write(
        `POST ${path} HTTP/1.1\r\nhost: x\r\n${authorization}\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n{`,
      )
      trickle(client)
      await client.closed
      expect(client.received()).toMatch(/^HTTP\/1\.1 408 /)
      expect(client.received()).toMatch(/\r\nconnection: close\r\n/i)
      expect(client.received()).toMatch(body)
    }
  })

  test('so is one that is compressed, or read as a stream', async () => {
    const h = await listening({ limits: slow })
    for (const headers of [
      'content-type: multipart/form-data; boundary=b',
      'content-type: application/json\r\ncontent-encoding: gzip',
    ]) {
      const client = await openClient(h)
      client.socket.write(
        `POST /runs/multipart HTTP/1.1\r\nhost: x\r\nx-api-key: ${h.tenant.secretKey}\r\n${headers}\r\ncontent-length: 100000\r\n\r\n`,
      )
      // The first bytes of gzip, which are the beginning of a multipart body as well as any.
      client.socket.write(Buffer.from('1f8b0800000000000003', 'hex'))
      await client.closed
      expect(client.received()).toMatch(/^HTTP\/1\.1 408 /)
      expect(client.received()).toContain('{"error":')
    }
  })

  test('headers that do not end are not waited for', async () => {
    const h = await listening({ limits: { headersMs: 300 } })
    const client = await openClient(h)
    client.socket.write('GET /livez HTTP/1.1\r\nhost: x\r\n')
    const timer = setInterval(() => client.socket.write('a: b\r\n'), 20)
    onTestFinished(() => clearInterval(timer))
    await client.closed
    expect(client.received()).toMatch(/^HTTP\/1\.1 408 /)
    const silent = await openClient(h)
    await silent.closed
  })
})

describe('slow bodies', () => {
  test('a client that is slow, but not too slow, and pauses, is heard to the end', async () => {
    const h = await listening({ limits: { slowBodyMs: 600, slowBodyBytesPerSecond: 1000 } })
    const client = await openClient(h)
    const pieces = 6
    const body = JSON.stringify({ name: 'x', description: 'y'.repeat(pieces * 1000) })
    client.socket.write(
      `POST /datasets HTTP/1.1\r\nhost: x\r\nx-api-key: ${h.tenant.secretKey}\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n`,
    )
    // 1,000 bytes every 300 ms, for three times as long as the rate is averaged over.
    let sent = 0
    const timer = setInterval(() => {
      client.socket.write(body.slice(sent, sent + 1000))
      sent += 1000
      if (sent >= body.length) clearInterval(timer)
    }, 300)
    onTestFinished(() => clearInterval(timer))
    await client.closed
    expect(client.received()).toMatch(/^HTTP\/1\.1 200 /)
  })

  test('a body that was answered without being read does not keep its connection', async () => {
    const h = await listening({ limits: slow })
    const client = await openClient(h)
    client.socket.write(
      'POST /datasets HTTP/1.1\r\nhost: x\r\nx-api-key: wrong\r\ncontent-length: 100000\r\n\r\n{',
    )
    trickle(client)
    await client.closed
    expect(client.received()).toMatch(/^HTTP\/1\.1 401 /)
  })
})

describe('connections', () => {
  test('one beyond the limit is told so in the shape of the dialect, and closed; a place that is left is taken', async () => {
    const h = await listening({ limits: { connections: 2 } })
    const first = await openClient(h)
    await openClient(h)
    for (const [path, body] of [
      ['/info', '{"detail":"Service temporarily unavailable"}'],
      ['/api/public/health', '"error":"ServiceUnavailable"}'],
    ] as const) {
      const beyond = await openClient(h)
      beyond.socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`)
      await beyond.closed
      expect(beyond.received()).toMatch(/^HTTP\/1\.1 503 /)
      expect(beyond.received()).toMatch(/\r\nretry-after: 5\r\n/i)
      expect(beyond.received()).toMatch(/\r\nconnection: close\r\n/i)
      expect(beyond.received()).toContain(body)
    }
    first.socket.end()
    await first.closed
    await expect
      .poll(async () => {
        const next = await openClient(h)
        next.socket.write('GET /info HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
        await next.closed
        return next.received().slice(0, 12)
      })
      .toBe('HTTP/1.1 200')
  })
})
