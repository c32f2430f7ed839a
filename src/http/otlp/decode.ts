import { fromEpochMicros, fromEpochMs, type Timestamp } from '../../domain/timestamp.ts'
import { OtlpError } from './errors.ts'

/** The value of an attribute. Bytes are base64; whole numbers beyond 2^53, NaN and the infinities are strings. */
export type AttributeValue =
  | string
  | number
  | boolean
  | null
  | AttributeValue[]
  | { [key: string]: AttributeValue }

export type Attributes = ReadonlyMap<string, AttributeValue>

export interface SpanEvent {
  name: string
  time: Timestamp | null
  attributes: Attributes
}

export interface Scope {
  name: string
  version: string
  attributes: Attributes
}

/** One span, whatever encoding it was sent in. */
export interface Span {
  /** 32 hex digits, lower case. */
  traceId: string
  /** 16 hex digits, lower case. */
  spanId: string
  /** null for a root. The parent may never come (contracts/langfuse.md 5.18). */
  parentSpanId: string | null
  name: string
  startTime: Timestamp
  /** Never before the start time. */
  endTime: Timestamp
  attributes: Attributes
  events: SpanEvent[]
  hasError: boolean
  statusMessage: string
  resource: Attributes
  scope: Scope
}

export interface Export {
  spans: Span[]
  /** One for each span that has no valid ids. */
  refused: RefusedSpan[]
}

export interface RefusedSpan {
  /** The field that is to blame. */
  field: 'traceId' | 'spanId' | 'parentSpanId'
  isAbsent: boolean
  /** The instrumentation that made the span. */
  scope: string
}

/**
 * Bounds how much one export may grow, because a span of forty bytes becomes a run of a thousand. Exporters send
 * hundreds.
 */
const maxSpans = 20_000

/**
 * Reads an ExportTraceServiceRequest from the object that OTLP/JSON describes.
 * @param now for spans that have neither start nor end
 * @throws OtlpError 400 when a list or an object is expected and something else is sent, 413 when there are too many
 * spans
 */
export function readExport(request: unknown, now: Timestamp): Export {
  const spans: Span[] = []
  const refused: RefusedSpan[] = []
  for (const resourceSpans of listOf(request, 'resourceSpans')) {
    const resource = attributesOf(memberOf(resourceSpans, 'resource'))
    for (const scopeSpans of listOf(resourceSpans, 'scopeSpans')) {
      const scope = readScope(memberOf(scopeSpans, 'scope'))
      const sentSpans = listOf(scopeSpans, 'spans')
      if (spans.length + sentSpans.length > maxSpans) {
        throw new OtlpError(413, `An export may hold ${maxSpans} spans: send smaller batches`)
      }
      for (const [i, sent] of sentSpans.entries()) {
        try {
          const ids = readIds(sent)
          if ('field' in ids) refused.push({ ...ids, scope: scope.name })
          else spans.push(readSpan(sent, ids, { resource, scope, now }))
        } catch (error) {
          const place = `span ${i + 1} of ${sentSpans.length} of scope "${scope.name.slice(0, 100)}"`
          throw error instanceof OtlpError
            ? new OtlpError(error.status, `${error.message} (${place})`, { cause: error })
            : error
        }
      }
    }
  }
  return { spans, refused }
}

function readScope(sent: unknown): Scope {
  return {
    name: stringOf(memberOf(sent, 'name')),
    version: stringOf(memberOf(sent, 'version')),
    attributes: attributesOf(sent),
  }
}

type Ids = Pick<Span, 'traceId' | 'spanId' | 'parentSpanId'>

/** @returns what is wrong when one of the ids is not valid */
function readIds(sent: unknown): Ids | Omit<RefusedSpan, 'scope'> {
  const [sentTrace, sentSpan] = [memberOf(sent, 'traceId'), memberOf(sent, 'spanId')]
  const traceId = idOf(sentTrace, 16)
  if (traceId === null) return { field: 'traceId', isAbsent: isNoId(sentTrace) }
  const spanId = idOf(sentSpan, 8)
  if (spanId === null) return { field: 'spanId', isAbsent: isNoId(sentSpan) }
  const parent = memberOf(sent, 'parentSpanId')
  if (isNoId(parent)) return { traceId, spanId, parentSpanId: null }
  const parentSpanId = idOf(parent, 8)
  if (parentSpanId === null) return { field: 'parentSpanId', isAbsent: false }
  return { traceId, spanId, parentSpanId }
}

function readSpan(
  sent: unknown,
  { traceId, spanId, parentSpanId }: Ids,
  { resource, scope, now }: Pick<Span, 'resource' | 'scope'> & { now: Timestamp },
): Span {
  const start = timeOf(memberOf(sent, 'startTimeUnixNano'))
  const end = timeOf(memberOf(sent, 'endTimeUnixNano'))
  const startTime = start ?? end ?? now
  const status = memberOf(sent, 'status')
  // Spreading objects into one would take longer than all that is read here.
  return {
    traceId,
    spanId,
    parentSpanId,
    name: stringOf(memberOf(sent, 'name')),
    startTime,
    endTime: end === null || end < startTime ? startTime : end,
    attributes: attributesOf(sent),
    events: listOf(sent, 'events').map((event) => ({
      name: stringOf(memberOf(event, 'name')),
      time: timeOf(memberOf(event, 'timeUnixNano')),
      attributes: attributesOf(event),
    })),
    hasError: [2, '2', 'STATUS_CODE_ERROR'].includes(memberOf(status, 'code') as string | number),
    statusMessage: stringOf(memberOf(status, 'message')),
    resource,
    scope,
  }
}

function memberOf(sent: unknown, name: string): unknown {
  if (sent === undefined || sent === null) return undefined
  if (typeof sent !== 'object' || Array.isArray(sent)) {
    throw new OtlpError(400, `Invalid OTLP trace export: what holds ${name} is no object`)
  }
  return Object.hasOwn(sent, name) ? (sent as Record<string, unknown>)[name] : undefined
}

function listOf(sent: unknown, name: string): unknown[] {
  const list = memberOf(sent, name)
  if (list === undefined || list === null) return []
  if (Array.isArray(list)) return list
  throw new OtlpError(400, `Invalid OTLP trace export: ${name} is no array`)
}

function stringOf(sent: unknown): string {
  return typeof sent === 'string' ? sent : ''
}

/** Reads bytes as they come from protobuf, or as Node writes a Buffer into JSON. */
function bytesOf(sent: unknown): Uint8Array | null {
  if (sent instanceof Uint8Array) return sent
  if (typeof sent !== 'object' || sent === null || !('data' in sent)) return null
  const { data } = sent
  const isBytes =
    Array.isArray(data) && data.every((byte) => Number.isInteger(byte) && byte >= 0 && byte < 256)
  return isBytes ? Uint8Array.from(data as number[]) : null
}

/**
 * Reads an id in hex (OTLP/JSON), bytes (protobuf), or base64 (protobuf's own JSON).
 * @returns lower-case hex, never all zeros; null when it is not an id of this many bytes
 */
function idOf(sent: unknown, length: number): string | null {
  const hex = typeof sent === 'string' ? hexOf(sent, length) : hexOfBytes(bytesOf(sent))
  return hex?.length === length * 2 && /[^0]/.test(hex) ? hex : null
}

function hexOf(text: string, length: number): string | null {
  if (/^[0-9a-f]+$/i.test(text) && text.length === length * 2) return text.toLowerCase()
  const isBase64 = text.length === Math.ceil(length / 3) * 4 && /^[\w+/-]+={0,2}$/.test(text)
  return isBase64 ? hexOfBytes(Buffer.from(text, 'base64')) : null
}

function hexOfBytes(bytes: Uint8Array | null): string | null {
  if (bytes === null) return null
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}

/** True when the id is absent, empty or all zeros, which means that there is no parent. */
function isNoId(sent: unknown): boolean {
  if (sent === undefined || sent === null) return true
  if (typeof sent === 'string') return /^(?:0*|A*=*)$/.test(sent)
  return bytesOf(sent)?.every((byte) => byte === 0) ?? false
}

/** Reads nanoseconds since the epoch, and cuts them to microseconds. null for zero, and for what is not a number. */
function timeOf(sent: unknown): Timestamp | null {
  // Nanoseconds of today are too large for a number, and their microseconds are not.
  if (typeof sent === 'string' && /^\d{4,19}$/.test(sent)) {
    const usual = Number(sent.slice(0, -3))
    if (Number.isSafeInteger(usual) && usual > 0) return fromEpochMicros(usual)
  }
  const micros = microsOf(sent)
  if (micros === null || micros <= 0n) return null
  const whole = fromEpochMs(Number(micros / 1000n))
  return whole === null ? null : `${whole.slice(0, 23)}${String(micros % 1000n).padStart(3, '0')}Z`
}

function microsOf(sent: unknown): bigint | null {
  // Whoever wrote or read a JSON number has already rounded it to some 256 ns, so it is rounded to the nearest
  // microsecond.
  if (typeof sent === 'number') {
    return Number.isFinite(sent) ? BigInt(Math.round(sent / 1000)) : null
  }
  const nanos = integerOf(sent)
  return nanos === null ? null : nanos / 1000n
}

/** Reads a whole number: as text, as a number, or as the two halves that long.js and protobuf.js write. */
function integerOf(sent: unknown): bigint | null {
  if (typeof sent === 'number') return Number.isFinite(sent) ? BigInt(Math.trunc(sent)) : null
  if (typeof sent === 'string') return /^-?\d{1,20}$/.test(sent) ? BigInt(sent) : null
  if (typeof sent !== 'object' || sent === null || !('low' in sent) || !('high' in sent))
    return null
  const { high, low } = sent
  if (!Number.isInteger(high) || !Number.isInteger(low)) return null
  return BigInt.asIntN(
    64,
    (BigInt(high as number) << 32n) | BigInt.asUintN(32, BigInt(low as number)),
  )
}

/** Reads attributes. A key that is repeated keeps its last value. */
function attributesOf(holder: unknown): Attributes {
  const attributes = new Map<string, AttributeValue>()
  for (const sent of listOf(holder, 'attributes')) {
    const key = memberOf(sent, 'key')
    if (typeof key === 'string') attributes.set(key, valueOf(memberOf(sent, 'value')))
  }
  return attributes
}

function valueOf(sent: unknown): AttributeValue {
  if (typeof sent !== 'object' || sent === null || Array.isArray(sent)) return null
  const { stringValue, boolValue, intValue, doubleValue, bytesValue } = sent as Record<
    string,
    unknown
  >
  if (typeof stringValue === 'string') return stringValue
  if (boolValue !== undefined && boolValue !== null)
    return boolValue === true || boolValue === 'true'
  if (intValue !== undefined && intValue !== null) return numberOfInteger(integerOf(intValue))
  if (doubleValue !== undefined && doubleValue !== null) return numberOfDouble(doubleValue)
  if (memberOf(sent, 'arrayValue') !== undefined) {
    return listOf(memberOf(sent, 'arrayValue'), 'values').map(valueOf)
  }
  if (memberOf(sent, 'kvlistValue') !== undefined) {
    const entries = listOf(memberOf(sent, 'kvlistValue'), 'values').map(
      (entry): [string, AttributeValue] => [
        stringOf(memberOf(entry, 'key')),
        valueOf(memberOf(entry, 'value')),
      ],
    )
    return Object.fromEntries(entries)
  }
  if (typeof bytesValue === 'string') return bytesValue
  const bytes = bytesOf(bytesValue)
  return bytes === null ? null : Buffer.from(bytes).toString('base64')
}

function numberOfInteger(integer: bigint | null): number | string | null {
  if (integer === null) return null
  const value = Number(integer)
  return Number.isSafeInteger(value) ? value : String(integer)
}

function numberOfDouble(sent: unknown): number | string | null {
  if (typeof sent !== 'number' && typeof sent !== 'string') return null
  const value = typeof sent === 'string' && sent.trim() === '' ? Number.NaN : Number(sent)
  return Number.isFinite(value) ? value : String(sent)
}
