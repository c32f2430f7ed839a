import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import { readFileSync } from 'node:fs'
import { buffer } from 'node:stream/consumers'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { isOwnAddress } from '../../src/tracing/start.ts'
import { runsByName } from '../http/otlp/spans.ts'
import { findFreePort } from '../support/free-port.ts'
import { harness } from '../support/harness.ts'
import { readImportGraph } from '../support/import-graph.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { type RunmillProcess, startRunmill } from '../support/runmill-process.ts'

/** One span as it went over the wire. */
interface SentSpan {
  name: string
  traceId: string
  spanId: string
  parentSpanId: string
  links: { traceId: string; spanId: string }[]
}

/** The fields of a message of protobuf that are bytes, text or messages, by their numbers. */
function fieldsOf(message: Uint8Array): Map<number, Uint8Array[]> {
  const reader = new BinaryReader(message)
  const fields = new Map<number, Uint8Array[]>()
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag()
    if (type !== WireType.LengthDelimited) reader.skip(type)
    else fields.set(number, [...(fields.get(number) ?? []), reader.bytes()])
  }
  return fields
}

const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex')

function spansOf(body: Uint8Array): SentSpan[] {
  const all = (messages: Uint8Array[], number: number): Uint8Array[] =>
    messages.flatMap((message) => fieldsOf(message).get(number) ?? [])
  return all(all(all([body], 1), 2), 2).map((span) => {
    const fields = fieldsOf(span)
    return {
      name: Buffer.from(fields.get(5)?.[0] ?? []).toString(),
      traceId: hex(fields.get(1)?.[0]),
      spanId: hex(fields.get(2)?.[0]),
      parentSpanId: hex(fields.get(4)?.[0]),
      links: (fields.get(13) ?? []).map(fieldsOf).map((link) => ({
        traceId: hex(link.get(1)?.[0]),
        spanId: hex(link.get(2)?.[0]),
      })),
    }
  })
}

const keys = { RUNMILL_INIT_PUBLIC_KEY: 'pk-rm-traced', RUNMILL_INIT_SECRET_KEY: 'sk-rm-traced' }
const authorization = `Basic ${Buffer.from('pk-rm-traced:sk-rm-traced').toString('base64')}`
const traceId = '0af7651916cd43dd8448eb211c80319c'
const callerId = 'b7ad6b7169203331'

describe('an API and a worker whose traces another server takes', () => {
  let between: Server
  let database: TestDatabase
  const processes: RunmillProcess[] = []
  const sent: SentSpan[] = []
  let headers: IncomingHttpHeaders = {}
  /** A server of ours keeps no links, so exports are looked at here. They are passed on to this one, where there is one. */
  let receiver: { url: string; key: string } | null = null
  let url = ''

  beforeAll(async () => {
    between = createServer((request, response) => void pass(request, response))
    between.listen(0, '127.0.0.1')
    await once(between, 'listening')
    database = await createTestDatabase()
    const traced = {
      DATABASE_URL: database.url,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(between.address() as AddressInfo).port}/otel`,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-test=yes',
      OTEL_SERVICE_NAME: 'my-evals',
      OTEL_BSP_SCHEDULE_DELAY: '100',
      ...keys,
    }
    processes.push(
      startRunmill({ ...traced, ROLE: 'api' }),
      startRunmill({ ...traced, ROLE: 'worker' }),
    )
    ;[url = ''] = await Promise.all(processes.map(async ({ ready }) => ready))
  })

  afterAll(async () => {
    for (const each of processes) {
      each.signal('SIGTERM')
      await each.exited
    }
    between.close()
    await database.drop()
  })

  async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request)
    sent.push(...spansOf(body))
    headers = request.headers
    const { 'content-type': type = '' } = request.headers
    const answer =
      receiver &&
      (await fetch(`${receiver.url}${request.url}`, {
        method: 'POST',
        headers: { 'content-type': type, authorization: receiver.key },
        body,
      }))
    response.writeHead(answer === null ? 200 : answer.status).end()
  }

  async function ingest(traceparent: string): Promise<void> {
    const event = {
      id: crypto.randomUUID(),
      type: 'trace-create',
      timestamp: '2026-11-29T10:00:00Z',
      body: { id: crypto.randomUUID(), name: 'a secret name' },
    }
    const answer = await fetch(`${url}/api/public/ingestion?token=a-secret-query`, {
      method: 'POST',
      headers: { authorization, traceparent, 'content-type': 'application/json' },
      body: JSON.stringify({ batch: [event] }),
    })
    expect(answer.status).toBe(207)
  }

  test('a request is a span of its caller’s trace, and the worker’s batch has a link to it', async () => {
    await ingest(`00-${traceId}-${callerId}-01`)
    const named = (name: string): SentSpan => sent.find((span) => span.name === name)!
    await vi.waitFor(() => expect(sent.map(({ name }) => name)).toContain('apply'), 60_000)
    await vi.waitFor(() => expect(named('POST /api/public/ingestion')).toBeDefined(), 60_000)
    const request = named('POST /api/public/ingestion')
    expect(request).toMatchObject({ traceId, parentSpanId: callerId })
    const enqueue = named('enqueue')
    expect(enqueue).toMatchObject({ traceId, parentSpanId: request.spanId })
    expect(named('apply').links).toEqual([{ traceId, spanId: enqueue.spanId }])
    expect(headers).toMatchObject({ 'x-test': 'yes' })
  })

  test('another Runmill shows them with route, status and lane, and without what clients sent', async () => {
    const h = await harness()
    receiver = { url: await h.listen(), key: h.tenant.basic }
    await ingest(`00-${traceId}-${callerId}-01`)
    const runs = await vi.waitFor(async () => {
      await h.drain()
      const byName = await runsByName(h)
      expect(Object.keys(byName)).toEqual(
        expect.arrayContaining(['POST /api/public/ingestion', 'enqueue', 'apply']),
      )
      return byName
    }, 60_000)
    receiver = null
    const text = JSON.stringify(runs)
    for (const shown of ['http.route', '207', '"ingest"', 'my-evals', 'runmill.tenant_id']) {
      expect(text).toContain(shown)
    }
    expect(text).not.toContain('secret')
  })

  test('what the caller does not sample, and what asks whether it is well, is in no span', async () => {
    const unsampled = 'ffffffffffffffffffffffffffffff01'
    await ingest(`00-${unsampled}-${callerId}-00`)
    await fetch(`${url}/readyz`)
    const last = 'ffffffffffffffffffffffffffffff02'
    await ingest(`00-${last}-${callerId}-01`)
    await vi.waitFor(
      () => expect(sent.flatMap((span) => span.links.map((link) => link.traceId))).toContain(last),
      60_000,
    )
    expect(sent.map((span) => span.traceId)).not.toContain(unsampled)
    expect(sent.flatMap(({ links }) => links).map((link) => link.traceId)).not.toContain(unsampled)
    expect(sent.map(({ name }) => name).join(' ')).not.toContain('readyz')
  })
})

test('the packages of OpenTelemetry are loaded when traces are asked for, and not before', () => {
  const importers = [...readImportGraph(['src', 'workers'])]
    .filter(([, imports]) => imports.includes('src/tracing/otel.ts'))
    .map(([file]) => file)
  expect(importers).toEqual(['src/tracing/start.ts'])
  const statements = readFileSync('src/tracing/start.ts', 'utf8').match(/^.*otel\.ts'.*$/gm)
  expect(statements).toEqual([
    "import type { StartedTracing } from './otel.ts'",
    "  const { createOtelTracing } = await import('./otel.ts')",
  ])
})

test('a server sends no traces to itself, and says so', async () => {
  const database = await createTestDatabase()
  const port = String(await findFreePort())
  const own = startRunmill({
    DATABASE_URL: database.url,
    PORT: port,
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://localhost:${port}/otel`,
  })
  await own.ready
  expect(own.stdout()).toContain('sends no traces to itself')
  own.signal('SIGTERM')
  await own.exited
  await database.drop()
})

test.each([
  ['http://127.0.0.1:3000/otel', true],
  ['http://localhost:3000', true],
  ['http://[::1]:3000/otel', true],
  ['https://runmill.example.com/otel', true],
  ['http://127.0.0.1:4318', false],
  ['http://collector:3000', false],
  ['https://traces.example.com/otel', false],
])('%s is the address of this server: %s', (endpoint, isOwn) => {
  const settings = { host: '0.0.0.0', port: 3000, publicUrl: 'https://runmill.example.com' }
  expect(isOwnAddress(endpoint, settings)).toBe(isOwn)
})
