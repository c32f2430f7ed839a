import { randomBytes, randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { resolveId } from '../../../src/domain/ids.ts'
import { harness, type Harness } from '../../support/harness.ts'
import {
  epochMs,
  langfusePath,
  parsed,
  plainPath,
  send,
  type TestSpan,
  type Value,
} from './spans.ts'

/** What LangSmith's exporters put into spans (contracts/langsmith.md 2.11). */

const langsmithPath = '/otel/v1/traces'
const paths = [langsmithPath, plainPath, langfusePath]

// oxlint-disable-next-line typescript/no-explicit-any -- rows of every shape
type Row = any

async function exported(
  h: Harness,
  span: TestSpan,
  path: string,
  headers: Record<string, string> = {},
): Promise<Row> {
  const whole = {
    traceId: randomBytes(16).toString('hex'),
    spanId: randomBytes(8).toString('hex'),
    ...span,
  }
  const before = new Set((await h.db`select id from runs`).map(({ id }) => id))
  expect((await send(h, [whole], { path, headers })).status).toBe(200)
  await h.drain()
  const rows = await h.db`
    select runs.*, experiments.name as project from runs
    join experiments on experiments.tenant_id = runs.tenant_id and experiments.id = runs.experiment_id
    where runs.tenant_id = ${h.tenant.id}`
  const row = rows.find(({ id }) => !before.has(id))
  return { ...parsed(row!), spanId: whole.spanId }
}

const python: Record<string, Value> = {
  'langsmith.span.kind': 'llm',
  'langsmith.trace.name': 'model',
  'langsmith.trace.session_name': 'my project',
  'langsmith.metadata.plan': 'gold',
  'langsmith.metadata.thread_id': 't1',
  'langsmith.span.tags': 'a, b',
  'gen_ai.operation.name': 'chat',
  'gen_ai.prompt': '{"q":"1+1"}',
  'gen_ai.completion':
    '{"text":"2","usage_metadata":{"input_tokens":3,"output_tokens":2,"total_tokens":5,"input_token_details":{"cache_read":1},"total_cost":0.000001}}',
  'gen_ai.usage.input_tokens': 3,
  'gen_ai.usage.output_tokens': 2,
  'gen_ai.usage.total_tokens': 5,
  'gen_ai.usage.input_token_details': "{'cache_read': 1}",
}

describe.each(paths)('at %s', (path) => {
  test('a run has the fields that it has in the other requests of the SDK', async () => {
    const h = await harness()
    const row = await exported(h, { name: 'span', attributes: python }, path)
    expect(row).toMatchObject({
      name: 'model',
      runType: 'llm',
      project: 'my project',
      tags: ['a', 'b'],
      threadId: 't1',
      inputs: { q: '1+1' },
      outputs: { text: '2' },
      promptTokens: 3,
      completionTokens: 2,
      totalTokens: 5,
      totalCost: '0.000001',
      usageDetails: { prompt_token_details: { cache_read: 1 } },
      metadata: { plan: 'gold', thread_id: 't1' },
    })
    expect(JSON.stringify(row.metadata)).not.toContain('langsmith.')
  })

  test('ids that are given count', async () => {
    const h = await harness()
    const [id, other, parent, trace] = [1, 2, 3, 4].map(() => randomUUID()) as [
      string,
      string,
      string,
      string,
    ]
    const attributes = {
      'langsmith.span.id': id.toUpperCase(),
      'langsmith.span.parent_id': parent,
      'langsmith.trace.id': trace,
    }
    const row = await exported(h, { attributes, parentSpanId: 'a'.repeat(16) }, path)
    expect(row).toMatchObject({ id, externalId: null, parentRunId: parent, traceId: trace })
    const order = [trace, parent, id].map((one) => `20261121T200000000000Z${one}`).join('.')
    const again = { 'langsmith.span.dotted_order': order.replaceAll(id, other) }
    expect(await exported(h, { attributes: again }, path)).toMatchObject({
      id: other,
      parentRunId: parent,
      traceId: trace,
    })
  })

  test('the id of a parent that is a span is that of its run; a root has none', async () => {
    const h = await harness()
    const parent = randomBytes(8).toString('hex')
    const uuid = `00000000-0000-0000-${parent.slice(0, 4)}-${parent.slice(4)}`
    const isOwn = path === langsmithPath
    const child = { 'langsmith.span.parent_id': uuid }
    const row = await exported(h, { attributes: child, parentSpanId: 'b'.repeat(16) }, path)
    expect(row.parentRunId).toBe(isOwn ? uuid : resolveId('run', parent).id)
    const own = `00000000-0000-0000-${row.spanId.slice(0, 4)}-${row.spanId.slice(4)}`
    expect(row.id).toBe(isOwn ? own : resolveId('run', row.spanId).id)
    expect(row.externalId).toBe(isOwn ? null : row.spanId)
    const root = { 'langsmith.is_root': true }
    const top = await exported(h, { attributes: root, parentSpanId: 'b'.repeat(16) }, path)
    expect(top.parentRunId).toBeNull()
  })

  test('the project is the named session, else that of the header, by id or by name', async () => {
    const h = await harness()
    const id = (await h.call('POST', '/sessions', { name: 'known' })).body.id
    const project = async (attributes: Record<string, Value>, header?: string): Promise<string> =>
      (
        await exported(
          h,
          { attributes },
          path,
          header === undefined ? {} : { 'langsmith-project': header },
        )
      ).project
    const name = { 'langsmith.trace.session_name': 'named' }
    const known = { 'langsmith.trace.session_id': id }
    const unknown = { 'langsmith.trace.session_id': randomUUID() }
    expect(await project({})).toBe('default')
    expect(await project({}, 'of the header')).toBe('of the header')
    expect(await project({}, id.toUpperCase())).toBe('known')
    expect(await project(name, 'of the header')).toBe('named')
    expect(await project({ ...known, ...name }, 'of the header')).toBe('known')
    expect(await project({ ...unknown, ...name }, 'of the header')).toBe('named')
    expect(await project(unknown, id)).toBe('known')
    expect(await project({ ...known, ...name }, id)).toBe('known')
  })

  test('a root that names an example is a run of the experiment; a child is not', async () => {
    const h = await harness()
    const dataset = (await h.call('POST', '/datasets', { name: 'd' })).body.id
    const example = randomUUID()
    await h.call('POST', '/examples', { id: example, dataset_id: dataset, inputs: { q: 1 } })
    const body = { name: 'exp', reference_dataset_id: dataset }
    const session = (await h.call('POST', '/sessions', body)).body.id
    const attributes = {
      'langsmith.span.kind': 'chain',
      'langsmith.trace.session_name': 'exp',
      'langsmith.reference_example_id': example,
      outputs: '{"a":2}',
    }
    await exported(h, { name: 'child', attributes, parentSpanId: 'c'.repeat(16) }, path)
    const root = await exported(h, { name: 'root', attributes }, path)
    const { body: rows } = await h.call('POST', `/datasets/${dataset}/runs`, {
      session_ids: [session],
    })
    expect(rows).toHaveLength(1)
    expect(rows[0].runs).toMatchObject([
      { id: root.id, trace_id: root.id, reference_example_id: example, outputs: { a: 2 } },
    ])
  })
})

test.each(['llm', 'chain', 'tool', 'retriever', 'embedding', 'prompt', 'parser'])(
  'the run type is exactly the kind: %s',
  async (kind) => {
    const h = await harness()
    // The kind is more exact than the operation.
    const attributes = {
      'langsmith.span.kind': kind.toUpperCase(),
      'gen_ai.operation.name': 'chat',
    }
    expect((await exported(h, { attributes }, langsmithPath)).runType).toBe(kind)
  },
)

test.each([
  ['JavaScript', '{"cache_read":1}'],
  ['Python', "{'cache_read': 1, 'audio': None}"],
])('details of tokens of hidden outputs, as %s writes them', async (_, details) => {
  const h = await harness()
  const attributes = {
    ...python,
    'gen_ai.usage.input_token_details': details,
    'gen_ai.completion': '{}',
  }
  expect(await exported(h, { attributes }, langsmithPath)).toMatchObject({
    promptTokens: 3,
    totalTokens: 5,
    usageDetails: { prompt_token_details: { cache_read: 1 } },
  })
})

test('inputs and outputs may be bytes, which older SDKs send', async () => {
  const h = await harness()
  const bytes = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64')
  const attributes = {
    'langsmith.span.kind': 'llm',
    'gen_ai.prompt': bytes({}),
    'gen_ai.completion': bytes({ usage_metadata: { input_tokens: 7, output_tokens: 1 } }),
  }
  expect(await exported(h, { attributes }, langsmithPath)).toMatchObject({
    inputs: {},
    outputs: { usage_metadata: { input_tokens: 7 } },
    promptTokens: 7,
    totalTokens: 8,
  })
})

test('an error is the message of the exception', async () => {
  const h = await harness()
  const span: TestSpan = {
    attributes: { 'langsmith.span.kind': 'chain' },
    status: { code: 2 },
    events: [{ name: 'exception', attributes: { 'exception.message': 'ValueError("oops")' } }],
  }
  const { id } = await exported(h, span, langsmithPath)
  expect((await h.call('GET', `/runs/${id}`)).body).toMatchObject({
    status: 'error',
    error: 'ValueError("oops")',
  })
})

test('each address works under both prefixes, in both encodings, compressed or not', async () => {
  const h = await harness()
  for (const path of ['/otel/v1/traces', '/api/v1/otel/v1/traces', '/otel', '/api/v1/otel']) {
    expect((await h.call('POST', path, { resourceSpans: [] })).status).toBe(200)
    for (const encoding of ['json', 'protobuf'] as const) {
      for (const isGzipped of [false, true]) {
        const name = `${path} ${encoding} ${isGzipped}`
        const span = {
          name,
          traceId: randomBytes(16).toString('hex'),
          spanId: randomBytes(8).toString('hex'),
        }
        const headers = { authorization: '', 'x-api-key': h.tenant.secretKey }
        const sent = await send(h, [span], { path, encoding, isGzipped, headers })
        expect(sent.status, name).toBe(200)
      }
    }
  }
  await h.drain()
  const rows = await h.db`select name, start_time from runs where tenant_id = ${h.tenant.id}`
  expect(rows).toHaveLength(16)
  expect(new Set(rows.map((row) => Date.parse(row.startTime)))).toEqual(new Set([epochMs]))
})
