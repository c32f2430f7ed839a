import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'

/*
 * The messages of OTLP, by the numbers of their fields (opentelemetry/proto/collector/trace/v1/trace_service.proto
 * and what it imports). They are read into the objects that OTLP/JSON describes, so that everything after this
 * handles one form.
 */

type Scalar = 'string' | 'bytes' | 'bool' | 'int32' | 'int64' | 'fixed64' | 'double'

/** Field number to name and type. `many` marks a repeated field. */
type Message = Readonly<Record<number, readonly [string, Scalar | keyof Messages, 'many'?]>>

type Messages = typeof messages

const messages = {
  ExportTraceServiceRequest: { 1: ['resourceSpans', 'ResourceSpans', 'many'] },
  ResourceSpans: { 1: ['resource', 'Resource'], 2: ['scopeSpans', 'ScopeSpans', 'many'] },
  Resource: { 1: ['attributes', 'KeyValue', 'many'] },
  ScopeSpans: { 1: ['scope', 'InstrumentationScope'], 2: ['spans', 'Span', 'many'] },
  InstrumentationScope: {
    1: ['name', 'string'],
    2: ['version', 'string'],
    3: ['attributes', 'KeyValue', 'many'],
  },
  Span: {
    1: ['traceId', 'bytes'],
    2: ['spanId', 'bytes'],
    4: ['parentSpanId', 'bytes'],
    5: ['name', 'string'],
    7: ['startTimeUnixNano', 'fixed64'],
    8: ['endTimeUnixNano', 'fixed64'],
    9: ['attributes', 'KeyValue', 'many'],
    11: ['events', 'Event', 'many'],
    15: ['status', 'Status'],
  },
  Event: {
    1: ['timeUnixNano', 'fixed64'],
    2: ['name', 'string'],
    3: ['attributes', 'KeyValue', 'many'],
  },
  Status: { 2: ['message', 'string'], 3: ['code', 'int32'] },
  KeyValue: { 1: ['key', 'string'], 2: ['value', 'AnyValue'] },
  AnyValue: {
    1: ['stringValue', 'string'],
    2: ['boolValue', 'bool'],
    3: ['intValue', 'int64'],
    4: ['doubleValue', 'double'],
    5: ['arrayValue', 'ArrayValue'],
    6: ['kvlistValue', 'KeyValueList'],
    7: ['bytesValue', 'bytes'],
  },
  ArrayValue: { 1: ['values', 'AnyValue', 'many'] },
  KeyValueList: { 1: ['values', 'KeyValue', 'many'] },
} as const satisfies Record<
  string,
  Readonly<Record<number, readonly [string, string] | readonly [string, string, 'many']>>
>

const wireTypes: Readonly<Record<Scalar, WireType>> = {
  string: WireType.LengthDelimited,
  bytes: WireType.LengthDelimited,
  bool: WireType.Varint,
  int32: WireType.Varint,
  int64: WireType.Varint,
  fixed64: WireType.Bit64,
  double: WireType.Bit64,
}

/**
 * Values nest through messages. This is far deeper than real data, and far shallower than what would overflow the
 * stack.
 */
const maxDepth = 256

/**
 * Reads an ExportTraceServiceRequest. Integers of 64 bits become strings; bytes stay bytes.
 * @throws Error when the bytes are not such a message
 */
export function decodeTraceRequest(bytes: Uint8Array): Record<string, unknown> {
  const reader = new BinaryReader(bytes)
  return readMessage(reader, 'ExportTraceServiceRequest', reader.len, 0)
}

function readMessage(
  reader: BinaryReader,
  type: keyof Messages,
  end: number,
  depth: number,
): Record<string, unknown> {
  if (depth > maxDepth) throw new RangeError('values nest too deep')
  const fields: Message = messages[type]
  const message: Record<string, unknown> = {}
  while (reader.pos < end) {
    const [number, wireType] = reader.tag()
    const field = fields[number]
    if (field === undefined) {
      reader.skip(wireType, number)
      continue
    }
    const [name, fieldType, repeated] = field
    const value = readValue(reader, fieldType, wireType, depth)
    if (repeated === undefined) message[name] = value
    else ((message[name] ??= []) as unknown[]).push(value)
  }
  if (reader.pos !== end) throw new RangeError('a message ends inside a field')
  return message
}

function readValue(
  reader: BinaryReader,
  type: Scalar | keyof Messages,
  wireType: WireType,
  depth: number,
): unknown {
  if (type in messages) {
    if (wireType !== WireType.LengthDelimited) throw new TypeError('a message has no length')
    const length = reader.uint32()
    if (reader.pos + length > reader.len) throw new RangeError('a message ends too early')
    return readMessage(reader, type as keyof Messages, reader.pos + length, depth + 1)
  }
  const scalar = type as Scalar
  if (wireType !== wireTypes[scalar]) throw new TypeError(`a field is no ${scalar}`)
  const value = reader[scalar]()
  return typeof value === 'bigint' ? String(value) : value
}

/** Writes an ExportTraceServiceResponse: empty, or `partial_success` with how many spans were refused, and why. */
export function encodeTraceResponse(
  partial: { rejectedSpans: number; errorMessage: string } | null,
): Buffer {
  const writer = new BinaryWriter()
  if (partial !== null) {
    writer.tag(1, WireType.LengthDelimited).fork()
    writer.tag(1, WireType.Varint).int64(partial.rejectedSpans)
    writer.tag(2, WireType.LengthDelimited).string(partial.errorMessage)
    writer.join()
  }
  return Buffer.from(writer.finish())
}

/** Writes a google.rpc.Status without details. */
export function encodeStatus({ code, message }: { code: number; message: string }): Buffer {
  const writer = new BinaryWriter()
  writer.tag(1, WireType.Varint).int32(code)
  writer.tag(2, WireType.LengthDelimited).string(message)
  return Buffer.from(writer.finish())
}
