import { gzipSync } from 'node:zlib'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import type { Harness } from '../../support/harness.ts'

export const langfusePath = '/api/public/otel/v1/traces'
export const plainPath = '/v1/traces'

export type Value = string | number | boolean | null | Value[] | { [key: string]: Value }

/** What a test says about a span. The rest is filled in. */
export interface TestSpan {
  traceId?: unknown
  spanId?: unknown
  parentSpanId?: unknown
  name?: string
  /** Milliseconds after `epochMs`. */
  start?: number
  end?: number
  attributes?: Record<string, Value>
  events?: { name: string; attributes?: Record<string, Value>; at?: number }[]
  status?: { code: unknown; message?: string }
  scope?: { name: string; version?: string; attributes?: Record<string, Value> }
  resource?: Record<string, Value>
}

export const traceId = '4ea979d0f0a73baf9a4e3c48989f43e4'
export const rootId = 'fccc3896f97c94a4'
export const traceUuid = '4ea979d0-f0a7-3baf-9a4e-3c48989f43e4'

/** 2026-11-21T20:00:00Z. */
export const epochMs = 1_795_291_200_000

export function nanos(ms: number): string {
  return `${epochMs + Math.floor(ms)}${String(Math.round((ms % 1) * 1e6)).padStart(6, '0')}`
}

/** Builds OTLP/JSON as the JavaScript SDK writes it: numbers for integers, one scope per span. */
export function exportOf(...spans: TestSpan[]): { resourceSpans: object[] } {
  return {
    resourceSpans: spans.map((span) => ({
      resource: { attributes: attributesOf(span.resource ?? {}), droppedAttributesCount: 0 },
      scopeSpans: [
        {
          scope: {
            name: 'langfuse-sdk',
            ...span.scope,
            attributes: attributesOf(span.scope?.attributes ?? {}),
          },
          spans: [spanJson(span)],
        },
      ],
    })),
  }
}

function spanJson(span: TestSpan): object {
  const { start = 0, end = start + 10 } = span
  return {
    traceId: 'traceId' in span ? span.traceId : traceId,
    spanId: 'spanId' in span ? span.spanId : rootId,
    ...('parentSpanId' in span ? { parentSpanId: span.parentSpanId } : {}),
    name: span.name ?? 'span',
    kind: 1,
    startTimeUnixNano: nanos(start),
    endTimeUnixNano: nanos(end),
    attributes: attributesOf(span.attributes ?? {}),
    droppedAttributesCount: 0,
    events: (span.events ?? []).map(({ name, attributes = {}, at = start }) => ({
      name,
      timeUnixNano: nanos(at),
      attributes: attributesOf(attributes),
    })),
    droppedEventsCount: 0,
    status: span.status ?? { code: 0 },
    links: [],
    flags: 257,
  }
}

function attributesOf(attributes: Record<string, Value>): object[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: anyValue(value) }))
}

function anyValue(value: Value): object {
  if (value === null) return {}
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  if (typeof value === 'number') {
    return Number.isInteger(value) ? { intValue: value } : { doubleValue: value }
  }
  if (Array.isArray(value)) return { arrayValue: { values: value.map(anyValue) } }
  return { kvlistValue: { values: attributesOf(value) } }
}

export interface SendOptions {
  path?: string
  encoding?: 'json' | 'protobuf'
  isGzipped?: boolean
  headers?: Record<string, string>
}

/** Sends spans as the tenant of the harness. */
export async function send(
  h: Harness,
  spans: TestSpan[],
  { encoding = 'json', ...options }: SendOptions = {},
): Promise<{ status: number; body: unknown; bytes: Buffer; headers: Record<string, unknown> }> {
  const request = exportOf(...spans)
  return sendBody(h, encoding === 'json' ? JSON.stringify(request) : protobufOf(request), {
    encoding,
    ...options,
  })
}

export async function sendBody(
  h: Harness,
  body: string | Buffer,
  { path = langfusePath, encoding = 'json', isGzipped = false, headers = {} }: SendOptions = {},
): Promise<{ status: number; body: unknown; bytes: Buffer; headers: Record<string, unknown> }> {
  const response = await h.app.inject({
    method: 'POST',
    url: path,
    headers: {
      authorization: h.tenant.basic,
      'content-type': encoding === 'json' ? 'application/json' : 'application/x-protobuf',
      ...(isGzipped ? { 'content-encoding': 'gzip' } : {}),
      ...headers,
    },
    payload: isGzipped ? gzipSync(body) : body,
  })
  const isJson = String(response.headers['content-type']).includes('json')
  return {
    status: response.statusCode,
    body: isJson ? JSON.parse(response.body) : response.body,
    bytes: response.rawPayload,
    headers: response.headers,
  }
}

// oxlint-disable-next-line typescript/no-explicit-any -- tests look into rows of every shape
type Row = any

/** Returns runs by name, with payloads parsed. */
export async function runsByName(h: Harness): Promise<Record<string, Row>> {
  const rows = await h.db`select * from runs where tenant_id = ${h.tenant.id}`
  return Object.fromEntries(rows.map((row) => [row.name, parsed(row)]))
}

export async function traceRow(h: Harness, id: string = traceUuid): Promise<Row> {
  const [row] = await h.db`select * from traces where tenant_id = ${h.tenant.id} and id = ${id}`
  return parsed(row!)
}

const jsonColumns = [
  'inputs',
  'outputs',
  'metadata',
  'events',
  'modelParameters',
  'usageDetails',
  'costDetails',
  'exampleOutputs',
  'exampleMetadata',
]

export function parsed(row: Row): Row {
  const json = jsonColumns
    .filter((column) => typeof row[column] === 'string')
    .map((column) => [column, JSON.parse(row[column])])
  return { ...row, ...Object.fromEntries(json) }
}

/** Writes a request in protobuf, field by field from opentelemetry's trace.proto. */
export function protobufOf(request: object): Buffer {
  const writer = new BinaryWriter()
  const { resourceSpans } = request as { resourceSpans: Row[] }
  for (const { resource, scopeSpans } of resourceSpans) {
    message(writer, 1, () => {
      message(writer, 1, () => keyValues(writer, 1, resource.attributes))
      for (const { scope, spans } of scopeSpans) {
        message(writer, 2, () => {
          message(writer, 1, () => {
            text(writer, 1, scope.name)
            if (scope.version !== undefined) text(writer, 2, scope.version)
            keyValues(writer, 3, scope.attributes)
          })
          for (const span of spans) message(writer, 2, () => spanMessage(writer, span))
        })
      }
    })
  }
  return Buffer.from(writer.finish())
}

function spanMessage(writer: BinaryWriter, span: Row): void {
  const id = (number: number, hex: string | undefined) => {
    if (hex !== undefined) {
      writer.tag(number, WireType.LengthDelimited).bytes(Buffer.from(hex, 'hex'))
    }
  }
  id(1, span.traceId)
  id(2, span.spanId)
  id(4, span.parentSpanId)
  text(writer, 5, span.name)
  writer.tag(6, WireType.Varint).int32(span.kind)
  writer.tag(7, WireType.Bit64).fixed64(span.startTimeUnixNano)
  writer.tag(8, WireType.Bit64).fixed64(span.endTimeUnixNano)
  keyValues(writer, 9, span.attributes)
  for (const event of span.events) {
    message(writer, 11, () => {
      writer.tag(1, WireType.Bit64).fixed64(event.timeUnixNano)
      text(writer, 2, event.name)
      keyValues(writer, 3, event.attributes)
    })
  }
  message(writer, 15, () => {
    text(writer, 2, span.status.message ?? '')
    writer.tag(3, WireType.Varint).int32(span.status.code)
  })
  // A field of a later version of the protocol.
  writer.tag(16, WireType.Bit32).fixed32(span.flags)
}

function keyValues(writer: BinaryWriter, number: number, attributes: Row[]): void {
  for (const { key, value } of attributes) {
    message(writer, number, () => {
      text(writer, 1, key)
      message(writer, 2, () => anyMessage(writer, value))
    })
  }
}

function anyMessage(writer: BinaryWriter, value: Row): void {
  if ('stringValue' in value) text(writer, 1, value.stringValue)
  if ('boolValue' in value) writer.tag(2, WireType.Varint).bool(value.boolValue)
  if ('intValue' in value) writer.tag(3, WireType.Varint).int64(value.intValue)
  if ('doubleValue' in value) writer.tag(4, WireType.Bit64).double(value.doubleValue)
  if ('arrayValue' in value) {
    message(writer, 5, () => {
      for (const one of value.arrayValue.values) message(writer, 1, () => anyMessage(writer, one))
    })
  }
  if ('kvlistValue' in value) {
    message(writer, 6, () => keyValues(writer, 1, value.kvlistValue.values))
  }
}

function text(writer: BinaryWriter, number: number, value: string): void {
  writer.tag(number, WireType.LengthDelimited).string(value)
}

function message(writer: BinaryWriter, number: number, write: () => void): void {
  writer.tag(number, WireType.LengthDelimited).fork()
  write()
  writer.join()
}
