import { randomBytes, randomUUID } from 'node:crypto'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import type { TestTenant } from '../test/support/tenant.ts'

/** One run of the load, as far as runs differ. */
export interface BenchRun {
  id: string
  traceId: string
  /** null for the root. */
  parentId: string | null
}

const startMs = Date.UTC(2026, 0, 1)
export const startTime = new Date(startMs).toISOString().replace('Z', '000Z')
const payload = { messages: [{ role: 'user', content: 'What is the answer? '.repeat(50) }] }
/** The inputs of every run, and its outputs: 1 kB each. */
export const payloadText = JSON.stringify(payload)

/** Traces of one root and three calls of models. */
export function makeRuns(count: number): BenchRun[] {
  return Array.from({ length: count / 4 }, () => {
    const root = randomUUID()
    const child = (): BenchRun => ({ id: randomUUID(), traceId: root, parentId: root })
    return [{ id: root, traceId: root, parentId: null }, child(), child(), child()]
  }).flat()
}

/** One HTTP request, ready to be written to a socket. */
export interface PreparedRequest {
  bytes: Buffer
  /** A trace that it writes. */
  traceId: string
}

export const protocols = ['batch', 'multipart', 'langfuse', 'otlp'] as const
export type Protocol = (typeof protocols)[number]

/** Makes requests of `perRequest` runs each. @param project what LangSmith's clients name in each run */
export function makeRequests(
  protocol: Protocol,
  runs: readonly BenchRun[],
  { perRequest, tenant, project }: { perRequest: number; tenant: TestTenant; project: string },
): PreparedRequest[] {
  return Array.from({ length: runs.length / perRequest }, (_, i) => {
    const some = runs.slice(i * perRequest, (i + 1) * perRequest)
    const { path, contentType, body } = bodies[protocol](some, project)
    return {
      bytes: httpRequest(tenant, path, contentType, body),
      traceId: some[0]!.traceId,
    }
  })
}

/** Writes a POST request with the key of a tenant in both dialects' headers. */
export function httpRequest(
  tenant: TestTenant,
  path: string,
  contentType: string,
  body: Buffer,
): Buffer {
  const head = [
    `POST ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    `Authorization: ${tenant.basic}`,
    `X-Api-Key: ${tenant.secretKey}`,
    `Content-Type: ${contentType}`,
    `Content-Length: ${body.length}`,
  ].join('\r\n')
  return Buffer.concat([Buffer.from(`${head}\r\n\r\n`), body])
}

interface Body {
  path: string
  contentType: string
  body: Buffer
}

const bodies: Record<Protocol, (runs: readonly BenchRun[], project: string) => Body> = {
  batch: (runs, project) => ({
    path: '/runs/batch',
    contentType: 'application/json',
    body: Buffer.from(JSON.stringify({ post: runs.map((run) => langsmithRun(run, project)) })),
  }),
  multipart: multipartBody,
  langfuse: (runs) => ({
    path: '/api/public/ingestion',
    contentType: 'application/json',
    body: Buffer.from(JSON.stringify({ batch: runs.map(langfuseEvent) })),
  }),
  otlp: (runs) => ({
    path: '/api/public/otel/v1/traces',
    contentType: 'application/x-protobuf',
    body: otlpBody(runs),
  }),
}

function langsmithRun(run: BenchRun, project: string) {
  return {
    id: run.id,
    trace_id: run.traceId,
    ...(run.parentId === null ? {} : { parent_run_id: run.parentId }),
    run_type: run.parentId === null ? 'chain' : 'llm',
    name: 'run',
    session_name: project,
    start_time: startMs,
    end_time: startMs + 1000,
    inputs: payload,
    outputs: payload,
  }
}

function multipartBody(runs: readonly BenchRun[], project: string): Body {
  const boundary = randomUUID()
  const parts = runs.flatMap((run) => {
    const { inputs, outputs, ...rest } = langsmithRun(run, project)
    return [
      part(boundary, `post.${run.id}`, rest),
      part(boundary, `post.${run.id}.inputs`, inputs),
      part(boundary, `post.${run.id}.outputs`, outputs),
    ]
  })
  return {
    path: '/runs/multipart',
    contentType: `multipart/form-data; boundary=${boundary}`,
    body: Buffer.from(`${parts.join('')}--${boundary}--\r\n`),
  }
}

function part(boundary: string, name: string, value: unknown): string {
  const text = JSON.stringify(value)
  return `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}\r\n`
}

function langfuseEvent(run: BenchRun) {
  const time = new Date(startMs).toISOString()
  return {
    id: randomUUID(),
    type: run.parentId === null ? 'span-create' : 'generation-create',
    timestamp: time,
    body: {
      id: run.id,
      traceId: run.traceId,
      ...(run.parentId === null ? {} : { parentObservationId: run.parentId }),
      name: 'run',
      startTime: time,
      endTime: time,
      input: payload,
      output: payload,
    },
  }
}

/** By the numbers of opentelemetry/proto/collector/trace/v1/trace_service.proto. */
function otlpBody(runs: readonly BenchRun[]): Buffer {
  const writer = new BinaryWriter()
  const spanIds = new Map(runs.map((run) => [run.id, randomBytes(8)]))
  const nanos = `${startMs}000000`
  writer.tag(1, WireType.LengthDelimited).fork().tag(2, WireType.LengthDelimited).fork()
  for (const run of runs) {
    writer.tag(2, WireType.LengthDelimited).fork()
    writer
      .tag(1, WireType.LengthDelimited)
      .bytes(Buffer.from(run.traceId.replaceAll('-', ''), 'hex'))
    writer.tag(2, WireType.LengthDelimited).bytes(spanIds.get(run.id)!)
    const parent = run.parentId === null ? undefined : spanIds.get(run.parentId)
    if (parent !== undefined) writer.tag(4, WireType.LengthDelimited).bytes(parent)
    writer.tag(5, WireType.LengthDelimited).string('run')
    writer.tag(7, WireType.Bit64).fixed64(nanos).tag(8, WireType.Bit64).fixed64(nanos)
    attribute(writer, 'langfuse.observation.type', run.parentId === null ? 'span' : 'generation')
    attribute(writer, 'langfuse.observation.input', payloadText)
    attribute(writer, 'langfuse.observation.output', payloadText)
    writer.join()
  }
  return Buffer.from(writer.join().join().finish())
}

function attribute(writer: BinaryWriter, key: string, value: string): void {
  writer.tag(9, WireType.LengthDelimited).fork()
  writer.tag(1, WireType.LengthDelimited).string(key)
  writer.tag(2, WireType.LengthDelimited).fork().tag(1, WireType.LengthDelimited).string(value)
  writer.join().join()
}
