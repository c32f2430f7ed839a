import { randomUUID } from 'node:crypto'
import { connect, type AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { harness, type Harness } from '../support/harness.ts'

/** Sends what Fastify's own client for tests would not. */
async function send(h: Harness, method: string, path: string): Promise<string> {
  const { port } = h.app.server.address() as AddressInfo
  return new Promise((resolve, reject) => {
    let text = ''
    connect({ port, host: '127.0.0.1' })
      .on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
      .on('close', () => resolve(text))
      .on('error', reject)
      .write(`${method} ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)
  })
}

describe('405', () => {
  test('a known path names its methods in the shape of its dialect, and asks for no key', async () => {
    const h = await harness()
    await h.listen()
    const id = randomUUID()
    for (const [path, allow, body] of [
      ['/datasets', 'DELETE, GET, HEAD, POST', '{"detail":"Method Not Allowed"}'],
      ['/api/v1/datasets', 'DELETE, GET, HEAD, POST', '{"detail":"Method Not Allowed"}'],
      ['/runs/batch', 'POST', '{"error":"Method Not Allowed"}'],
      ['/runs/multipart', 'POST', '{"error":"Method Not Allowed"}'],
      ['/api/public/v2/datasets', 'GET, HEAD, POST', '"error":"MethodNotAllowedError"}'],
      [`/api/public/media/${id}/content`, 'PUT', '"error":"MethodNotAllowedError"}'],
      ['/api/public/otel/v1/traces', 'POST', '"error":"MethodNotAllowedError"}'],
      ['/v1/traces', 'POST', '{"code":3,"message":"Method not allowed"}'],
      ['/livez', 'GET, HEAD', '"message":"Method Not Allowed"}'],
    ] as const) {
      for (const method of ['TRACE', 'PROPFIND', 'PATCH', 'M-SEARCH']) {
        const answer = await send(h, method, path)
        expect([method, path, answer.slice(0, 12)]).toEqual([method, path, 'HTTP/1.1 405'])
        expect(answer).toContain(`\r\nallow: ${allow}\r\n`)
        expect(answer).toContain(body)
      }
    }
    const unknown = await send(h, 'TRACE', '/api/public/nothing')
    expect(unknown.slice(0, 12)).toMatch(/ 40[14]$/)
  })

  test('CONNECT is refused rather than left without an answer', async () => {
    const h = await harness()
    await h.listen()
    expect(await send(h, 'CONNECT', 'example.com:443')).toMatch(/^HTTP\/1\.1 405 /)
  })
})
