import { Agent, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { decodeZstd, ZstdError } from '../../src/http/zstd.ts'
import { harness, type Harness } from '../support/harness.ts'
import { zstdBomb, zstdCompress } from '../support/zstd.ts'

const run = {
  id: '0190a0b0-0000-7000-8000-000000000001',
  name: 'compressed',
  run_type: 'chain',
  start_time: '2026-01-21T14:35:42.000000Z',
  inputs: { text: 'ä'.repeat(1000) },
}
const batch = Buffer.from(JSON.stringify({ post: [run] }))

/**
 * A gzip file may consist of several members in a row. This one is 10 GB of zeros in 10 MB, made of one compressed
 * member.
 */
function gzipBomb(): Buffer {
  const member = gzipSync(Buffer.alloc(100_000_000))
  return Buffer.concat(Array<Buffer>(100).fill(member))
}

async function post(h: Harness, url: string, payload: Buffer, encoding: string): Promise<Answer> {
  const response = await h.app.inject({
    method: 'POST',
    url,
    headers: {
      ...(url.startsWith('/api/public')
        ? { authorization: h.tenant.basic }
        : { 'x-api-key': h.tenant.secretKey }),
      'content-type': 'application/json',
      'content-encoding': encoding,
    },
    payload,
  })
  return { status: response.statusCode, body: response.body }
}

interface Answer {
  status: number
  body: string
}

test('a request that has no body may name any encoding', async () => {
  const h = await harness()
  const blob = '/api/runmill/blobs/x/y'
  for (const [path, status] of [
    ['/livez', 200],
    ['/api/public/projects', 200],
    ['/datasets', 200],
    [blob, 403],
  ] as const) {
    const answer = await h.call('GET', path, undefined, { 'content-encoding': 'br' })
    expect([path, answer.status]).toEqual([path, status])
  }
  const refused = await h.call('POST', '/livez', 'x', { 'content-encoding': 'br' })
  expect(refused.status).toBe(400)
})

describe('compressed bodies', () => {
  test('a body in any encoding arrives as what was compressed', async () => {
    const h = await harness()
    const bodies: [string, Buffer][] = [
      ['gzip', gzipSync(batch)],
      ['GZIP', gzipSync(batch)],
      ['deflate', deflateSync(batch)],
      ['zstd', await zstdCompress(batch)],
      ['identity', batch],
    ]
    for (const [encoding, payload] of bodies) {
      expect((await post(h, '/runs/batch', payload, encoding)).status).toBe(202)
    }
    await h.drain()
    const rows = await h.db`select inputs from runs where tenant_id = ${h.tenant.id}`
    expect(rows.map(({ inputs }) => JSON.parse(String(inputs)))).toEqual([run.inputs])
  })

  test("Langfuse's routes take them too", async () => {
    const h = await harness()
    const payload = await zstdCompress(Buffer.from('{"name":"zipped"}'))
    expect((await post(h, '/api/public/v2/datasets', payload, 'zstd')).status).toBe(200)
  })

  test('a body that is not gzip, deflate or zstd, or ends early, is refused in the shape of the dialect', async () => {
    const h = await harness()
    const zstd = await zstdCompress(batch)
    const flipped = Buffer.from(zstd)
    flipped[12]! ^= 0xff
    const broken: [string, Buffer][] = [
      ['gzip', batch],
      ['gzip', gzipSync(batch).subarray(0, -9)],
      ['deflate', batch],
      ['zstd', batch],
      ['zstd', zstd.subarray(0, -3)],
      ['zstd', flipped],
      ['br', batch],
      ['gzip, zstd', batch],
    ]
    for (const [encoding, payload] of broken) {
      const langsmith = await post(h, '/runs/batch', payload, encoding)
      expect(langsmith).toMatchObject({ status: 422, body: expect.stringMatching(/^\{"error":"/) })
      expect((await post(h, '/api/public/v2/datasets', payload, encoding)).status).toBe(400)
    }
    expect(h.errors).toEqual([])
  })
})

describe('413', () => {
  test.each([
    ['zstd', zstdBomb(80_000)],
    ['gzip', gzipBomb()],
  ])(
    '10 GB in a small %s body are refused, and memory use stays bounded',
    async (encoding, bomb) => {
      const h = await harness()
      const before = process.memoryUsage.rss()
      let peak = before
      const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 5)
      for (const url of ['/runs/batch', '/api/public/v2/datasets']) {
        expect((await post(h, url, bomb, encoding)).status).toBe(413)
      }
      clearInterval(watch)
      expect((peak - before) / 1_048_576).toBeLessThan(150)
    },
  )
})

describe('an answer before the body is read', () => {
  test.each([
    ['too large', 40, {}, 413],
    ['a wrong key', 40, { 'x-api-key': 'wrong' }, 401],
    ['no zstd', 10, { 'content-encoding': 'zstd' }, 422],
    ['an unknown encoding', 10, { 'content-encoding': 'br' }, 422],
  ])('reaches a client that is still sending: %s', async (_name, mib, headers, status) => {
    const h = await harness()
    await h.listen()
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const body = Buffer.alloc(mib * 1_048_576, 0x20)
    const ports = new Set<number>()
    for (const framing of [
      { 'content-length': String(body.length) },
      { 'transfer-encoding': 'chunked' },
    ]) {
      const answer = await send(h, agent, body, { ...headers, ...framing })
      expect(answer.status).toBe(status)
      ports.add(answer.clientPort)
    }
    const next = await send(h, agent, batch, {})
    expect(next.status).toBe(202)
    ports.add(next.clientPort)
    expect(ports.size, 'connections').toBe(1)
    agent.destroy()
  })
})

async function send(
  h: Harness,
  agent: Agent,
  body: Buffer,
  headers: Record<string, string>,
): Promise<{ status: number; clientPort: number }> {
  const { port } = h.app.server.address() as AddressInfo
  const key = h.tenant.secretKey
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port,
      agent,
      method: 'POST',
      path: '/runs/batch',
      headers: { 'x-api-key': key, 'content-type': 'application/json', ...headers },
    }
    const outgoing = request(options, (answer) => {
      const { localPort: clientPort = 0 } = answer.socket
      answer.resume().on('end', () => resolve({ status: answer.statusCode ?? 0, clientPort }))
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

describe('zstd', () => {
  test('frames arrive in any pieces, several in a row, also empty and skippable ones', async () => {
    const parts = [Buffer.from('one'), Buffer.alloc(0), Buffer.alloc(400_000, 'two ')]
    const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 1, 2])
    const frames = Buffer.concat([skippable, ...(await Promise.all(parts.map(zstdCompress)))])
    for (const size of [1, 7, 1000, 1_000_000]) {
      expect((await decode(cut(frames, size))).equals(Buffer.concat(parts))).toBe(true)
    }
  })

  test('many streams at once do not mix', async () => {
    const texts = Array.from({ length: 20 }, (_, i) => Buffer.alloc(300_000, `text ${i} `))
    const frames = await Promise.all(texts.map(zstdCompress))
    const decoded = await Promise.all(frames.map(async (frame) => decode(cut(frame, 5))))
    expect(decoded.every((bytes, i) => bytes.equals(texts[i]!))).toBe(true)
  })

  test('a frame may end where a buffer of 128 KiB does', async () => {
    for (const size of [131_072, 262_144, 1_048_576]) {
      const bytes = Buffer.alloc(size, 'x')
      const frames = Buffer.concat([await zstdCompress(bytes), await zstdCompress(bytes)])
      for (const piece of [7, 1_000_000]) {
        expect(await decode(cut(frames, piece))).toHaveLength(2 * size)
      }
    }
  })

  test('a window of 8 MiB is taken, and a larger one refused before memory is spent on it', async () => {
    /** A frame of 256 KiB of zeros whose header asks for a window of 2^`log` bytes (RFC 8878 3.1.1.1.2). */
    const frame = (log: number): Buffer => {
      const bytes = zstdBomb(2)
      bytes[5] = (log - 10) << 3
      return bytes
    }
    expect(await decode(cut(frame(23), 1000))).toHaveLength(262_144)
    for (const log of [25, 27, 31]) {
      await expect(decode(cut(frame(log), 1000)), String(log)).rejects.toThrow(ZstdError)
    }
    const h = await harness()
    const answer = await post(h, '/runs/batch', frame(27), 'zstd')
    expect(answer).toMatchObject({ status: 422, body: expect.stringContaining('8 MiB') })
  })

  test('bytes that are cut off or changed are an error', async () => {
    const frame = await zstdCompress(Buffer.from(JSON.stringify(run)))
    for (let length = 1; length < frame.length; length += 7) {
      await expect(decode(cut(frame.subarray(0, length), 100))).rejects.toThrow(ZstdError)
    }
    expect(await decode(cut(Buffer.alloc(0), 1))).toHaveLength(0)
  })
})

async function* cut(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function decode(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of decodeZstd(source)) chunks.push(chunk)
  return Buffer.concat(chunks)
}
