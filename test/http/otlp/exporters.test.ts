import { ROOT_CONTEXT, SpanStatusCode, trace } from '@opentelemetry/api'
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { describe, expect, test } from 'vitest'
import { harness } from '../../support/harness.ts'
import { langfusePath, plainPath, runsByName } from './spans.ts'

const exporters = [
  ['JSON', JsonExporter],
  ['protobuf', ProtobufExporter],
] as const

/** By default an exporter drops its spans after 10 s, which a busy machine may need for the first request. */
const patienceMs = 100_000

describe.each(exporters)("OpenTelemetry's own exporter, %s", (_, Exporter) => {
  test.each([
    [langfusePath, 'none'],
    [langfusePath, 'gzip'],
    [plainPath, 'gzip'],
  ] as const)('to %s, compression %s: everything arrives', async (path, compression) => {
    const h = await harness()
    const exporter = new Exporter({
      url: `${await h.listen()}${path}`,
      headers: { authorization: h.tenant.basic },
      // The type is a const enum, which ES modules cannot import.
      compression: compression as never,
      timeoutMillis: patienceMs,
    })
    const provider = new BasicTracerProvider({
      resource: resourceFromAttributes({ 'service.name': 'shop' }),
      spanProcessors: [new BatchSpanProcessor(exporter, { exportTimeoutMillis: patienceMs })],
    })
    const tracer = provider.getTracer('lib', '1.0')
    const root = tracer.startSpan('root', { attributes: { 'input.value': 'hi', list: ['a', 'b'] } })
    const context = trace.setSpan(ROOT_CONTEXT, root)
    const child = tracer.startSpan(
      'child',
      { attributes: { 'gen_ai.operation.name': 'chat', 'gen_ai.usage.input_tokens': 3 } },
      context,
    )
    child.recordException(new Error('boom'))
    child.setStatus({ code: SpanStatusCode.ERROR, message: 'boom' })
    child.end()
    root.end()
    await provider.shutdown()
    await h.drain()
    const runs = await runsByName(h)
    const ids = root.spanContext()
    expect(runs.root).toMatchObject({
      externalId: ids.spanId,
      externalTraceId: ids.traceId,
      parentRunId: null,
      inputs: 'hi',
      metadata: {
        resourceAttributes: { 'service.name': 'shop' },
        scope: { name: 'lib', version: '1.0' },
        attributes: { list: ['a', 'b'] },
      },
    })
    expect(runs.child).toMatchObject({
      externalParentRunId: ids.spanId,
      runType: 'llm',
      promptTokens: 3,
      status: 'error',
      statusMessage: 'boom',
      events: [{ name: 'exception', attributes: { 'exception.message': 'boom' } }],
    })
    expect(h.errors).toEqual([])
  })
})
