import { randomUUID } from 'node:crypto'
import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { harness } from '../support/harness.ts'

const mebibyte = 1_048_576

describe('503', () => {
  test('I7: bodies over the byte budget are refused at once with Retry-After, and accepted again when there is room', async ({
    onTestFinished,
  }) => {
    const h = await harness()
    await h.app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = h.app.server.address() as AddressInfo
    const slow = Array.from({ length: 3 }, () =>
      request({
        port,
        method: 'POST',
        path: '/runs/batch',
        headers: {
          'x-api-key': h.tenant.secretKey,
          'content-type': 'application/json',
          'content-length': 16 * mebibyte,
        },
      }).on('error', () => {}),
    )
    const arrived = new Promise<void>((resolve) => {
      let count = 0
      h.app.server.on('request', () => ++count === slow.length && resolve())
    })
    onTestFinished(() => slow.forEach((each) => each.destroy()))
    for (const each of slow) each.write('{')
    await arrived

    for (const [url, body] of [
      ['/runs/batch', { error: 'Service temporarily unavailable' }],
      ['/datasets', { detail: 'Service temporarily unavailable' }],
      ['/api/public/v2/datasets', { message: 'Service temporarily unavailable' }],
    ] as const) {
      const answer = await h.call('POST', url, { name: 'x' })
      expect(answer).toMatchObject({ status: 503, body, headers: { 'retry-after': '5' } })
    }
    expect((await h.call('GET', '/datasets')).status).toBe(200)
    expect(await h.db`select from datasets`).toHaveLength(0)

    for (const each of slow) {
      each.destroy()
    }
    await expect
      .poll(async () => (await h.call('POST', '/datasets', { name: 'x' })).status)
      .toBe(200)
  })
})

describe('503 while a body is read', () => {
  test('I7: bodies of unknown length are counted as they grow: one that finds no room is refused, those before it go on', async ({
    onTestFinished,
  }) => {
    const h = await harness()
    await h.app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = h.app.server.address() as AddressInfo
    const headers = {
      'x-api-key': h.tenant.secretKey,
      'content-type': 'multipart/form-data; boundary=b',
    }
    const part = (id: string, bytes: number): string =>
      `--b\r\nContent-Disposition: form-data; name="post.${id}.inputs"\r\n\r\n{"text":"${'x'.repeat(bytes)}`
    const end = '"}\r\n--b--\r\n'
    const large = Array.from({ length: 2 }, () => {
      const id = randomUUID()
      const open = request({ port, method: 'POST', path: '/runs/multipart', headers })
      const status = new Promise<number | undefined>((resolve, reject) => {
        open.on('error', reject).on('response', (answer) => resolve(answer.resume().statusCode))
      })
      onTestFinished(() => void open.destroy())
      open.write(part(id, 20 * mebibyte))
      return { open, status }
    })
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

    for (const { open } of large) open.end(end)
    expect(await Promise.all(large.map(async ({ status }) => status))).toEqual([202, 202])
    await expect.poll(async () => (await small()).status).toBe(202)
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
