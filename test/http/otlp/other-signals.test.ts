import { describe, expect, test } from 'vitest'
import { harness } from '../../support/harness.ts'
import { sendBody } from './spans.ts'

/** Metrics and logs of exporters that send all signals to one endpoint (contracts/langsmith.md 2.11). */

const paths = ['/v1', '/otel/v1', '/api/v1/otel/v1', '/api/public/otel/v1'].flatMap((base) =>
  ['metrics', 'logs'].map((signal) => `${base}/${signal}`),
)
const noKey = { authorization: '' }

describe.each(paths)('POST %s', (path) => {
  test('is answered as an empty export, in either encoding, and keeps nothing', async () => {
    const h = await harness()
    const body = '{"resourceMetrics":[{"scopeMetrics":[]}],"resourceLogs":[{"scopeLogs":[]}]}'
    for (const isGzipped of [false, true]) {
      const json = await sendBody(h, body, { path, isGzipped })
      expect(json).toMatchObject({ status: 200, body: {} })
      expect(json.headers['content-type']).toMatch(/^application\/json/)
      const sent = Buffer.from([10, 0])
      const protobuf = await sendBody(h, sent, { path, isGzipped, encoding: 'protobuf' })
      expect(protobuf.status).toBe(200)
      expect(protobuf.headers['content-type']).toBe('application/x-protobuf')
      expect(protobuf.bytes).toHaveLength(0)
    }
    await h.drain()
    expect(await h.db`select id from experiments union all select id from runs`).toHaveLength(0)
    expect(h.errors).toEqual([])
  })

  test('needs a key, and a body of a known type', async () => {
    const h = await harness()
    expect((await sendBody(h, '{}', { path, headers: noKey })).status).toBe(401)
    const headers = { 'content-type': 'text/plain' }
    expect((await sendBody(h, '{}', { path, headers })).status).toBe(400)
    expect((await h.call('GET', path)).status).toBe(405)
  })
})
