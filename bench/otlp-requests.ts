import { randomBytes, randomUUID } from 'node:crypto'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import type { TestTenant } from '../test/support/tenant.ts'
import { httpRequest, type PreparedRequest } from './ingest-requests.ts'

/*
 * OTLP exports as frameworks send them: traces of eight spans of an agent, instrumented by OpenTelemetry's conventions
 * for generative AI and by OpenInference, with some 2 kB of payload in each span.
 */

export const spansPerTrace = 8

interface BenchSpan {
  traceId: Buffer
  spanId: Buffer
  parentId: Buffer | null
  name: string
  /** Milliseconds since the start of the trace. */
  from: number
  to: number
  attributes: readonly (readonly [key: string, value: string | number | boolean | string[]])[]
}

const startMs = Date.UTC(2026, 0, 1)

/** Makes exports of `perRequest` spans each, which is a multiple of `spansPerTrace`. */
export function makeExports(
  spanCount: number,
  { perRequest, tenant, path }: { perRequest: number; tenant: TestTenant; path: string },
): PreparedRequest[] {
  return Array.from({ length: spanCount / perRequest }, (_, i) => {
    const traces = Array.from({ length: perRequest / spansPerTrace }, (_, j) =>
      traceOf(i * perRequest + j),
    )
    return {
      bytes: httpRequest(tenant, path, 'application/x-protobuf', exportOf(traces.flat())),
      traceId: traces.at(-1)![0]!.traceId.toString('hex'),
    }
  })
}

function traceOf(seed: number): BenchSpan[] {
  const traceId = Buffer.from(randomUUID().replaceAll('-', ''), 'hex')
  const ids = Array.from({ length: spansPerTrace }, () => randomBytes(8))
  const span = (
    i: number,
    parent: number | null,
    name: string,
    attributes: BenchSpan['attributes'],
  ): BenchSpan => ({
    traceId,
    spanId: ids[i]!,
    parentId: parent === null ? null : ids[parent]!,
    name,
    from: seed * 10 + i * 120,
    to: seed * 10 + (parent === null ? 1000 : i * 120 + 110),
    attributes: [['session.id', `session-${seed % 500}`], ['user.id', 'ada'], ...attributes],
  })
  return [
    span(0, null, 'invoke_agent weather', agent(seed)),
    span(1, 0, 'chat gpt-4.1-mini', chat(seed)),
    span(2, 0, 'execute_tool get_weather', tool(seed)),
    span(3, 0, 'chat gpt-4.1-mini', chat(seed + 1)),
    span(4, 0, 'Workflow.run', chain(seed)),
    span(5, 4, 'ChatCompletion', openInference(seed)),
    span(6, 4, 'get_weather', openInferenceTool(seed)),
    span(7, 4, 'ChatCompletion', openInference(seed + 1)),
  ]
}

const chatAttributes = [
  ['gen_ai.operation.name', 'chat'],
  ['gen_ai.provider.name', 'openai'],
  ['gen_ai.request.model', 'gpt-4.1-mini'],
  ['gen_ai.request.temperature', 0.2],
  ['gen_ai.request.max_tokens', 1024],
  ['gen_ai.response.model', 'gpt-4.1-mini-2025-04-14'],
  ['gen_ai.response.id', 'chatcmpl-tool'],
  ['gen_ai.response.finish_reasons', ['stop']],
  ['server.address', 'api.example.com'],
  ['server.port', 443],
] as const satisfies BenchSpan['attributes']

/** Words of common length: repeated sentences would be compressed, and parsed, faster than what models write. */
const words = Array.from({ length: 2000 }, (_, i) => {
  const bits = (i * 2654435761) >>> 0
  return bits.toString(36).slice(0, 2 + (bits % 7))
})

let texts = 0

/** Another text each time: sentences of words, with a quote, a line break and a sign that is not ASCII here and there. */
function prose(seed: number, length: number): string {
  let text = `${seed}:`
  let state = (texts += 1)
  for (let i = 1; text.length < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    text += ` ${words[(state >>> 8) % words.length]!}`
    if (i % 12 === 0) text += i % 24 === 0 ? '.\n' : ', "21 °C"'
  }
  return text.slice(0, length)
}

function messages(seed: number, length: number): string {
  return JSON.stringify([
    { role: 'system', parts: [{ type: 'text', content: 'You tell the weather.' }] },
    { role: 'user', parts: [{ type: 'text', content: prose(seed, length) }] },
    {
      role: 'assistant',
      parts: [
        { type: 'tool_call', id: 'call_1', name: 'get_weather', arguments: { city: 'Paris' } },
      ],
    },
    {
      role: 'tool',
      parts: [{ type: 'tool_call_response', id: 'call_1', response: '{"temperature": 21}' }],
    },
  ])
}

function answer(seed: number, length: number): string {
  return JSON.stringify([
    {
      role: 'assistant',
      parts: [{ type: 'text', content: prose(seed, length) }],
      finish_reason: 'stop',
    },
  ])
}

function agent(seed: number): BenchSpan['attributes'] {
  return [
    ['gen_ai.operation.name', 'invoke_agent'],
    ['gen_ai.agent.name', 'weather'],
    ['gen_ai.conversation.id', `conversation-${seed}`],
    ['gen_ai.input.messages', messages(seed, 600)],
    ['gen_ai.output.messages', answer(seed, 900)],
    ['gen_ai.usage.input_tokens', 412],
    ['gen_ai.usage.output_tokens', 160],
  ]
}

function chat(seed: number): BenchSpan['attributes'] {
  return [
    ...chatAttributes,
    ['gen_ai.input.messages', messages(seed, 700)],
    ['gen_ai.output.messages', answer(seed, 800)],
    ['gen_ai.usage.input_tokens', 206],
    ['gen_ai.usage.output_tokens', 80],
    ['gen_ai.usage.cache_read.input_tokens', 64],
  ]
}

function tool(seed: number): BenchSpan['attributes'] {
  return [
    ['gen_ai.operation.name', 'execute_tool'],
    ['gen_ai.tool.name', 'get_weather'],
    ['gen_ai.tool.call.id', 'call_1'],
    ['gen_ai.tool.call.arguments', JSON.stringify({ city: 'Paris', note: prose(seed, 800) })],
    ['gen_ai.tool.call.result', JSON.stringify({ temperature: 21, note: prose(seed, 900) })],
  ]
}

function chain(seed: number): BenchSpan['attributes'] {
  return [
    ['openinference.span.kind', 'CHAIN'],
    ['input.value', JSON.stringify({ ctx: '<Context object>', question: prose(seed, 900) })],
    ['input.mime_type', 'application/json'],
    ['output.value', prose(seed, 900)],
    ['output.mime_type', 'text/plain'],
  ]
}

function openInference(seed: number): BenchSpan['attributes'] {
  const [question, text] = [prose(seed, 450), prose(seed + 1, 400)]
  return [
    ['openinference.span.kind', 'LLM'],
    ['llm.model_name', 'gpt-4.1-mini'],
    ['llm.provider', 'openai'],
    ['llm.system', 'openai'],
    ['llm.invocation_parameters', '{"temperature": 0.2, "max_tokens": 1024}'],
    [
      'input.value',
      JSON.stringify({ messages: [{ role: 'user', content: question }], model: 'gpt-4.1-mini' }),
    ],
    ['input.mime_type', 'application/json'],
    ['output.value', JSON.stringify({ choices: [{ message: { content: text } }] })],
    ['output.mime_type', 'application/json'],
    ['llm.input_messages.0.message.role', 'system'],
    ['llm.input_messages.0.message.content', 'You tell the weather.'],
    ['llm.input_messages.1.message.role', 'user'],
    ['llm.input_messages.1.message.content', question],
    ['llm.output_messages.0.message.role', 'assistant'],
    ['llm.output_messages.0.message.content', text],
    ['llm.token_count.prompt', 206],
    ['llm.token_count.completion', 80],
    ['llm.token_count.total', 286],
  ]
}

function openInferenceTool(seed: number): BenchSpan['attributes'] {
  return [
    ['openinference.span.kind', 'TOOL'],
    ['tool.name', 'get_weather'],
    ['tool.description', 'Tells the weather of a city.'],
    ['tool.parameters', '{"city": {"type": "string"}}'],
    ['input.value', JSON.stringify({ city: 'Paris', note: prose(seed, 800) })],
    ['input.mime_type', 'application/json'],
    ['output.value', prose(seed, 800)],
  ]
}

/** By the numbers of opentelemetry/proto/collector/trace/v1/trace_service.proto. */
export function exportOf(spans: readonly BenchSpan[]): Buffer {
  const writer = new BinaryWriter()
  message(writer, 1, () => {
    message(writer, 1, () => {
      attribute(writer, 1, 'telemetry.sdk.language', 'python')
      attribute(writer, 1, 'telemetry.sdk.name', 'opentelemetry')
      attribute(writer, 1, 'telemetry.sdk.version', '1.45.2')
      attribute(writer, 1, 'service.name', 'weather')
    })
    message(writer, 2, () => {
      message(writer, 1, () => {
        text(writer, 1, 'opentelemetry.instrumentation.weather')
        text(writer, 2, '1.2.3')
      })
      for (const span of spans) message(writer, 2, () => writeSpan(writer, span))
    })
  })
  return Buffer.from(writer.finish())
}

function writeSpan(writer: BinaryWriter, span: BenchSpan): void {
  const nanos = (ms: number): string => `${startMs + ms}123456`
  writer.tag(1, WireType.LengthDelimited).bytes(span.traceId)
  writer.tag(2, WireType.LengthDelimited).bytes(span.spanId)
  if (span.parentId !== null) writer.tag(4, WireType.LengthDelimited).bytes(span.parentId)
  text(writer, 5, span.name)
  writer.tag(6, WireType.Varint).int32(1)
  writer.tag(7, WireType.Bit64).fixed64(nanos(span.from))
  writer.tag(8, WireType.Bit64).fixed64(nanos(span.to))
  for (const [key, value] of span.attributes) attribute(writer, 9, key, value)
  message(writer, 15, () => writer.tag(3, WireType.Varint).int32(1))
}

type Value = BenchSpan['attributes'][number][1]

function attribute(writer: BinaryWriter, field: number, key: string, value: Value): void {
  message(writer, field, () => {
    text(writer, 1, key)
    message(writer, 2, () => writeValue(writer, value))
  })
}

function writeValue(writer: BinaryWriter, value: Value): void {
  if (typeof value === 'string') text(writer, 1, value)
  else if (typeof value === 'boolean') writer.tag(2, WireType.Varint).bool(value)
  else if (typeof value !== 'number')
    message(writer, 5, () => {
      for (const each of value) message(writer, 1, () => text(writer, 1, each))
    })
  else if (Number.isInteger(value)) writer.tag(3, WireType.Varint).int64(value)
  else writer.tag(4, WireType.Bit64).double(value)
}

function text(writer: BinaryWriter, field: number, value: string): void {
  writer.tag(field, WireType.LengthDelimited).string(value)
}

function message(writer: BinaryWriter, field: number, write: () => void): void {
  writer.tag(field, WireType.LengthDelimited).fork()
  write()
  writer.join()
}
