import { deflateSync, gzipSync } from 'node:zlib'
import {
  conditionTypesOf,
  experimentFilterColumns,
  experimentItemFilterColumns,
  observationFilterColumns,
  scoreFilterColumns,
  traceFilterColumns,
} from '../../src/http/langfuse/filter-columns.ts'
import { protobufOf } from '../http/otlp/spans.ts'
import { readTraffic as readLangfuse } from '../sdk/langfuse/traffic.ts'
import { readTraffic as readLangsmith } from '../sdk/langsmith/traffic.ts'
import { encode, multipartType } from '../support/multipart.ts'
import { zstdCompress } from '../support/zstd.ts'

/** What an SDK sent: the bytes that are changed, and how they are sent. */
export interface Capture {
  method: 'GET' | 'POST' | 'PATCH'
  url: string
  headers: Record<string, string>
  /** With `query`, the value of that parameter of the URL. Otherwise the body. */
  bytes: Buffer
  query?: string
}

const langfuseTraffic = ['js-3.39.2', 'py-3.15.0', 'py-4.14.3', 'js-5.11.1'].flatMap(
  (name) => readLangfuse(name).requests,
)
const langsmithTraffic = ['js-0.10.11', 'py-0.14.0'].flatMap(readLangsmith)

/** Keeps one of each text, so that requests which an SDK repeats are not chosen more often than others. */
function distinct(captures: Capture[]): Capture[] {
  return [...new Map(captures.map((each) => [`${each.url} ${each.bytes.length}`, each])).values()]
}

function post(url: string, type: string, bytes: Buffer): Capture {
  return { method: 'POST', url, headers: { 'content-type': type }, bytes }
}

const otlpRequests = langfuseTraffic.filter(({ path }) => path.endsWith('/otel/v1/traces'))

const otlpPaths = ['/api/public/otel/v1/traces', '/v1/traces']

export const otlpProtobuf = distinct(
  otlpRequests
    .filter(({ encoding }) => encoding === 'protobuf')
    .flatMap(({ body }) =>
      otlpPaths.map((path) => post(path, 'application/x-protobuf', protobufOf(body as object))),
    ),
)

export const otlpJson = distinct(
  otlpRequests.flatMap(({ body }) =>
    otlpPaths.map((path) => post(path, 'application/json', Buffer.from(JSON.stringify(body)))),
  ),
)

/** Multipart bodies of both SDKs, each in the style of both. Uploads of examples go to this dataset. */
export function multipartFor(datasetId: string): Capture[] {
  const sent = langsmithTraffic.flatMap(({ method, path, parts }) => {
    if (parts === undefined || (method !== 'POST' && method !== 'PATCH')) return []
    const url = path.replace(/(?<=\/datasets\/)[0-9a-f-]{36}/, datasetId)
    const given = parts.map(({ name, json, type, base64 }) => ({
      name,
      value: json ?? Buffer.from(base64!, 'base64'),
      ...(type === undefined ? {} : { type }),
    }))
    return (['js', 'python'] as const).map(
      (style): Capture => ({
        method,
        url,
        headers: { 'content-type': multipartType },
        bytes: encode(given, style),
      }),
    )
  })
  const file = (name: string, fields: [string, string][]): Buffer =>
    encode([
      ...fields.map(([field, value]) => ({ name: field, value })),
      { name: `file"; filename="${name}`, value: 'q,a\r\n"1, 2",3\r\n', type: 'text/csv' },
    ])
  const keys: [string, string][] = [
    ['input_keys', 'q'],
    ['output_keys', 'a'],
  ]
  return distinct([
    ...sent,
    post('/datasets/upload', multipartType, file('x.csv', keys)),
    post(`/examples/upload/${datasetId}`, multipartType, file('x.csv', keys)),
  ])
}

/** Batches in JSON, of both vendors. */
export const batches = distinct([
  ...langsmithTraffic
    .filter(({ path, body }) => path.endsWith('/runs/batch') && body !== undefined)
    .map(({ path, body }) => post(path, 'application/json', Buffer.from(body!))),
  ...langfuseTraffic
    .filter(({ path }) => path.endsWith('/ingestion'))
    .map(({ path, body }) => post(path, 'application/json', Buffer.from(JSON.stringify(body)))),
])

/** Compressed bodies in every encoding. */
export async function compressed(captures: Capture[]): Promise<Capture[]> {
  const encodings = {
    gzip: async (bytes: Buffer) => gzipSync(bytes),
    deflate: async (bytes: Buffer) => deflateSync(bytes),
    zstd: zstdCompress,
  }
  const all: Capture[] = []
  for (const capture of captures) {
    for (const [encoding, compress] of Object.entries(encodings)) {
      const headers = { ...capture.headers, 'content-encoding': encoding }
      all.push({ ...capture, headers, bytes: await compress(capture.bytes) })
    }
  }
  return all
}

const get = (url: string, query: string, text: string): Capture => ({
  method: 'GET',
  url,
  headers: {},
  bytes: Buffer.from(text),
  query,
})

/** Filters that LangSmith's documentation and SDKs show. */
const runFilters = [
  'eq(status, "success")',
  'and(eq(feedback_key, "correct"), gt(feedback_score, 0.5))',
  `has("metadata", '{"foo": "bar"}')`,
  `and(not(has(metadata, '{"foo": "bar"}')), exists(metadata, "tenant_id"))`,
  'and(eq(run_type, "llm"), gt(latency, "5s"))',
  "and(eq(is_root, true), and(eq(metadata_key, 'model'), eq(metadata_value, 'gpt-4')))",
  'or(has(tags, "production"), neq(error, null), search("text"), search(inputs, "text"))',
  'and(gt(start_time, "2026-01-01T00:00:00Z"), or(like(name, "%a_b%"), contains(outputs, "b")))',
  'nin(name, ["a", "b"])',
  'in(total_cost, [-1, 0.25, 1e-6, -2.5E+3])',
  'and(eq(id, "0f6b2f0c-8d3e-4b57-9d61-3f1f6a1c2b11"), lte(total_tokens, 3), eq(thread_id, "t"))',
]

/** @param projectId a project to look for runs in */
export function langsmithFilters(projectId: string): Capture[] {
  const query = (body: object): Buffer => Buffer.from(JSON.stringify(body))
  const session = [projectId]
  const runs = runFilters.flatMap((filter) => [
    post('/runs/query', 'application/json', query({ session, filter })),
    post('/runs/query', 'application/json', query({ session, trace_filter: filter })),
    post('/runs/query', 'application/json', query({ session, tree_filter: filter })),
    post('/runs/stats', 'application/json', query({ session, filter })),
  ])
  return [
    ...runs,
    ...['has(metadata, \'{"foo": "bar"}\')', 'exists(metadata, "k")'].map((filter) =>
      get('/examples', 'filter', filter),
    ),
    ...['eq(name, "a")', 'and(eq(feedback_key, "k"), gte(feedback_score, 0.5))'].map((filter) =>
      get('/sessions', 'filter', filter),
    ),
  ]
}

const filteredLists = {
  traces: traceFilterColumns,
  observations: observationFilterColumns,
  'v2/observations': observationFilterColumns,
  'v2/scores': scoreFilterColumns,
  'experiments?fromStartTime=2026-01-01T00:00:00Z': experimentFilterColumns,
  'experiment-items?fromStartTime=2026-01-01T00:00:00Z': experimentItemFilterColumns,
}

/** A condition of each type, as contracts/langfuse.md 2.17 has them. */
const conditions: Record<string, object> = {
  datetime: { operator: '>=', value: '2026-01-01T00:00:00.000Z' },
  string: { operator: 'contains', value: 'x' },
  number: { operator: '>', value: 1 },
  stringOptions: { operator: 'any of', value: ['x', 'y'] },
  arrayOptions: { operator: 'all of', value: ['x', 'y'] },
  categoryOptions: { operator: 'any of', key: 'k', value: ['x', 'y'] },
  stringObject: { operator: '=', key: 'k.l', value: 'x' },
  numberObject: { operator: '<', key: 'k', value: 1 },
  booleanObject: { operator: '=', key: 'k', value: true },
  boolean: { operator: '<>', value: true },
  null: { operator: 'is null', value: '' },
}

export const langfuseFilters = Object.entries(filteredLists).flatMap(([path, columns]) =>
  Object.entries(columns).map(([column, of]) => {
    const filter = conditionTypesOf(of).map((type) => ({
      type,
      column,
      ...conditions[type],
    }))
    return get(`/api/public/${path}`, 'filter', JSON.stringify(filter))
  }),
)
