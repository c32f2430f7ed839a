import { describe, expect, test } from 'vitest'
import { resolveId } from '../../../../src/domain/ids.ts'
import { harness, type Harness } from '../../../support/harness.ts'
import type { TestTenant } from '../../../support/tenant.ts'
import { recordedBatch, recordedScores } from './recorded-ingestion.ts'

const base = '/api/public'
const at = '2026-11-21T20:39:53.985Z'

let eventCount = 0

/** Makes an event in the form that an SDK sends. */
function event(type: string, body: unknown, timestamp = at): Record<string, unknown> {
  return { id: `event-${eventCount++}`, type, timestamp, body }
}

async function ingest(h: Harness, ...batch: unknown[]) {
  const answer = await h.call('POST', `${base}/ingestion`, { batch })
  expect(answer.status, answer.text).toBe(207)
  await h.drain()
  return answer.body as {
    successes: { id: string; status: number }[]
    errors: { id: string; status: number; message: string; error: string }[]
  }
}

async function ingested(h: Harness, ...batch: Record<string, unknown>[]) {
  const body = await ingest(h, ...batch)
  expect(body).toEqual({ successes: batch.map(({ id }) => ({ id, status: 201 })), errors: [] })
}

type Row = Record<string, unknown>

async function run(h: Harness, id: string): Promise<Row> {
  const [row] = await h.db<Row[]>`
    select * from runs where tenant_id = ${h.tenant.id} and id = ${resolveId('run', id).id}`
  return row ?? {}
}

async function trace(h: Harness, id: string): Promise<Row> {
  const [row] = await h.db<Row[]>`
    select * from traces where tenant_id = ${h.tenant.id} and id = ${resolveId('trace', id).id}`
  return row ?? {}
}

async function counts(h: Harness): Promise<number[]> {
  const [row] = await h.db<Record<string, number>[]>`
    select (select count(*) from runs) as runs, (select count(*) from traces) as traces,
      (select count(*) from feedback) as feedback, (select count(*) from dead_letters) as dead`
  return [row!.runs!, row!.traces!, row!.feedback!, row!.dead!]
}

/** Reads everything that a tenant has, except the times at which it arrived. */
async function allRows(h: Harness, tenant: TestTenant): Promise<Row[][]> {
  const tables = [
    await h.db<Row[]>`select * from runs where tenant_id = ${tenant.id} order by id`,
    await h.db<Row[]>`select * from traces where tenant_id = ${tenant.id} order by id`,
    await h.db<Row[]>`select * from feedback where tenant_id = ${tenant.id} order by id`,
  ]
  const left = new Set(['tenantId', 'createdAt', 'updatedAt', 'experimentId'])
  return tables.map((rows) =>
    rows.map((row) => Object.fromEntries(Object.entries(row).filter(([key]) => !left.has(key)))),
  )
}

describe('207', () => {
  test('an empty batch is a success', async () => {
    const h = await harness()
    expect(await ingest(h)).toEqual({ successes: [], errors: [] })
  })

  test('a trace keeps every field', async () => {
    const h = await harness()
    await ingested(
      h,
      event('trace-create', {
        id: 'tr',
        timestamp: '2026-01-01T00:00:00.123456+01:00',
        name: 'n',
        externalId: 'e',
        input: { a: 1.0 },
        output: 'out',
        sessionId: 's',
        userId: 'u',
        environment: 'Prod',
        metadata: { k: [1] },
        release: 'r',
        version: 'v',
        public: true,
        tags: ['b', 'a', 'b'],
      }),
    )
    expect(await trace(h, 'tr')).toMatchObject({
      externalId: 'tr',
      timestamp: '2025-12-31T23:00:00.123456Z',
      name: 'n',
      inputs: '{"a":1}',
      inputsPreview: '{"a":1}',
      outputs: '"out"',
      outputsPreview: 'out',
      threadId: 's',
      userId: 'u',
      environment: 'prod',
      metadata: '{"k": [1]}',
      release: 'r',
      version: 'v',
      isPublic: true,
      tags: ['a', 'b'],
    })
  })

  test('payloads are stored as they were sent: numbers, key order and escapes', async () => {
    const h = await harness()
    const input = '{"b":1.0,"a":12345678901234567890,"c":"\\u0000\\ud800"}'
    const body = `{"id":"o","traceId":"t","input":${input},"output":"{\\"k\\":1}"}`
    const batch = `{"batch":[{"id":"e","type":"span-create","timestamp":"${at}","body":${body}}]}`
    expect((await h.call('POST', `${base}/ingestion`, batch)).status).toBe(207)
    await h.drain()
    expect(await run(h, 'o')).toMatchObject({ inputs: input, outputs: '"{\\"k\\":1}"' })
  })

  test('a generation keeps every field', async () => {
    const h = await harness()
    await ingested(
      h,
      event('generation-create', {
        id: 'g',
        traceId: 't',
        parentObservationId: 'p',
        name: 'n',
        startTime: '2026-01-01T00:00:00Z',
        completionStartTime: '2026-01-01T00:00:01Z',
        endTime: '2026-01-01T00:00:02Z',
        environment: 'langfuse-x',
        input: [{ role: 'user' }],
        output: 'o',
        metadata: 'm',
        level: 'WARNING',
        statusMessage: 'sm',
        version: 'v',
        model: 'gpt-4',
        modelParameters: { temperature: 0.1, stop: ['a'], deep: { k: 'v' }, none: null },
        usageDetails: { input: 3, output: 4, cached: 2 },
        costDetails: { input: 0.1, output: 0.02 },
        promptName: 'pn',
        promptVersion: 7,
      }),
    )
    expect(await run(h, 'g')).toMatchObject({
      externalId: 'g',
      traceId: resolveId('trace', 't').id,
      externalTraceId: 't',
      parentRunId: resolveId('run', 'p').id,
      externalParentRunId: 'p',
      name: 'n',
      runType: 'llm',
      startTime: '2026-01-01T00:00:00.000000Z',
      firstTokenTime: '2026-01-01T00:00:01.000000Z',
      endTime: '2026-01-01T00:00:02.000000Z',
      environment: 'x',
      inputs: '[{"role":"user"}]',
      outputs: '"o"',
      metadata: '{"metadata": "m"}',
      level: 'WARNING',
      statusMessage: 'sm',
      version: 'v',
      model: 'gpt-4',
      modelParameters: '{"temperature":0.1,"stop":["a"],"deep":{"k":"v"},"none":null}',
      promptTokens: 3,
      completionTokens: 4,
      totalTokens: 9,
      usageDetails: '{"usage_details":{"input":3,"output":4,"cached":2,"total":9}}',
      promptCost: '0.1',
      completionCost: '0.02',
      totalCost: '0.12',
      costDetails: '{"input":0.1,"output":0.02,"total":0.12}',
      promptName: 'pn',
      promptVersion: 7,
    })
  })

  test.each([
    ['span-create', 'span'],
    ['event-create', 'event'],
    ['generation-create', 'llm'],
    ['agent-create', 'agent'],
    ['tool-create', 'tool'],
    ['chain-create', 'chain'],
    ['retriever-create', 'retriever'],
    ['evaluator-create', 'evaluator'],
    ['embedding-create', 'embedding'],
    ['guardrail-create', 'guardrail'],
    ['span-update', 'span'],
    ['generation-update', 'llm'],
  ])('%s makes a run of its type', async (type, runType) => {
    const h = await harness()
    await ingested(h, event(type, { id: 'o', traceId: 't', name: 'n' }))
    expect(await run(h, 'o')).toMatchObject({
      runType,
      name: 'n',
      startTime: '2026-11-21T20:39:53.985000Z',
    })
  })

  test('observation-create and observation-update name their type in the body', async () => {
    const h = await harness()
    await ingested(
      h,
      event('observation-create', { id: 'o', traceId: 't', type: 'GENERATION', model: 'm' }),
      event('observation-update', { id: 'o', type: 'GENERATION', output: 1 }),
    )
    expect(await run(h, 'o')).toMatchObject({ runType: 'llm', model: 'm', outputs: '1' })
  })

  test('an event has no end, and a span no model', async () => {
    const h = await harness()
    const body = { traceId: 't', endTime: '2026-11-21T21:00:00Z', model: 'm', usage: { input: 1 } }
    await ingested(
      h,
      event('event-create', { id: 'e', ...body }),
      event('span-create', { id: 's', ...body }),
    )
    expect(await run(h, 'e')).toMatchObject({ endTime: null, model: null, promptTokens: null })
    expect(await run(h, 's')).toMatchObject({ model: null, promptTokens: null })
  })

  test('an end before the start becomes the start', async () => {
    const h = await harness()
    const times = { startTime: '2026-01-02T00:00:00Z', endTime: '2026-01-01T00:00:00Z' }
    await ingested(h, event('span-create', { id: 'o', traceId: 't', ...times }))
    expect(await run(h, 'o')).toMatchObject({ endTime: '2026-01-02T00:00:00.000000Z' })
  })

  test('a root without a trace makes a trace of its own, and its child is in that trace', async () => {
    const h = await harness()
    await ingested(
      h,
      event('span-create', { id: 'child', parentObservationId: 'root' }),
      event('span-create', { id: 'root' }),
    )
    const { traceId } = await run(h, 'root')
    expect(traceId).toBe(resolveId('trace', 'root').id)
    expect((await run(h, 'child')).traceId).toBe(traceId)
    // The trace is found by the id that its observations show.
    const shown = await h.call('GET', '/api/public/observations/child')
    const trace = await h.call('GET', `/api/public/traces/${shown.body.traceId}`)
    expect(trace.body).toMatchObject({ id: 'root', observations: [{}, {}] })
  })

  test('readers see the start as the end when an end arrives later and lies before the start', async () => {
    const h = await harness()
    const startTime = '2026-01-02T00:00:00.000Z'
    await ingested(h, event('span-create', { id: 'o', traceId: 't', startTime }))
    await ingested(h, event('span-update', { id: 'o', endTime: '2026-01-01T00:00:00Z' }))
    const { body } = await h.call('GET', '/api/public/observations/o')
    expect(body).toMatchObject({ startTime, endTime: startTime, latency: 0 })
    expect((await h.call('GET', '/api/public/traces/t')).body.latency).toBe(0)
    const filter = encodeURIComponent(
      JSON.stringify([{ type: 'number', column: 'latency', operator: '=', value: 0 }]),
    )
    const listed = await h.call('GET', `/api/public/observations?filter=${filter}`)
    expect(listed.body.data).toMatchObject([{ id: 'o' }])
  })

  test('an update may arrive before its create, and still takes precedence', async () => {
    const h = await harness()
    await ingested(h, event('span-update', { id: 'o', traceId: 't', output: 'late', name: 'new' }))
    await ingested(
      h,
      event('span-create', { id: 'o', traceId: 't', name: 'old', input: 'i', output: 'early' }),
    )
    expect(await run(h, 'o')).toMatchObject({ name: 'new', inputs: '"i"', outputs: '"late"' })
  })

  test('an explicit null clears name, level and model, and keeps everything else', async () => {
    const h = await harness()
    const fields = {
      name: 'n',
      level: 'ERROR',
      model: 'm',
      statusMessage: 's',
      version: 'v',
      endTime: '2026-11-21T21:00:00Z',
      completionStartTime: '2026-11-21T21:00:00Z',
      modelParameters: { a: 1 },
      input: 'i',
      output: 'o',
      metadata: { k: 1 },
      usage: { input: 1 },
      promptName: 'p',
      promptVersion: 1,
      environment: 'e',
      parentObservationId: 'p',
    }
    await ingested(h, event('generation-create', { id: 'g', traceId: 't', ...fields }))
    const before = await run(h, 'g')
    const nulls = Object.fromEntries(Object.keys(fields).map((key) => [key, null]))
    await ingested(h, event('generation-update', { id: 'g', traceId: null, ...nulls }))
    expect(await run(h, 'g')).toMatchObject({
      name: null,
      level: null,
      model: null,
      statusMessage: 's',
      version: 'v',
      endTime: before.endTime,
      firstTokenTime: before.firstTokenTime,
      modelParameters: '{"a":1}',
      inputs: '"i"',
      outputs: '"o"',
      metadata: '{"k": 1}',
      promptTokens: 1,
      promptName: 'p',
      environment: 'e',
      parentRunId: before.parentRunId,
      traceId: before.traceId,
    })
  })

  test("a trace's null clears name, user, session, release and version, and keeps other fields as absent does", async () => {
    const h = await harness()
    const fields = { name: 'n', userId: 'u', sessionId: 's', release: 'r', version: 'v' }
    const others = { public: true, tags: ['a'], metadata: { a: 1 }, input: 'i', environment: 'e' }
    await ingested(h, event('trace-create', { id: 'tr', ...fields, ...others }))
    const later = '2026-11-21T20:39:54.000Z'
    await ingested(h, event('trace-create', { id: 'tr', tags: ['b'], metadata: { b: 2 } }, later))
    expect(await trace(h, 'tr')).toMatchObject({
      name: 'n',
      isPublic: true,
      tags: ['a', 'b'],
      metadata: '{"a": 1, "b": 2}',
    })
    const keys = [...Object.keys(fields), ...Object.keys(others)]
    const nulls = Object.fromEntries(keys.map((key) => [key, null]))
    await ingested(h, event('trace-create', { id: 'tr', ...nulls }, '2026-11-21T20:39:55.000Z'))
    expect(await trace(h, 'tr')).toMatchObject({
      name: null,
      userId: null,
      threadId: null,
      release: null,
      version: null,
      isPublic: true,
      tags: ['a', 'b'],
      inputs: '"i"',
      environment: 'e',
    })
  })

  test.each(['0', 'false', '{}', '[]', '0.0'])(
    'an output of %s is kept only where there is no other output',
    async (output) => {
      const h = await harness()
      const update = (id: string) =>
        event('span-update', { id, traceId: 't', output: JSON.parse(output) })
      await ingested(
        h,
        event('span-create', { id: 'a', traceId: 't', output: 'firm' }),
        update('a'),
      )
      expect((await run(h, 'a')).outputs).toBe('"firm"')
      await ingested(h, update('b'), event('span-create', { id: 'b', traceId: 't', input: 'i' }))
      expect(JSON.parse((await run(h, 'b')).outputs as string)).toEqual(JSON.parse(output))
      await ingested(
        h,
        event('span-update', { id: 'b', traceId: 't', output: 'x' }, '2020-01-01T00:00:00Z'),
      )
      expect((await run(h, 'b')).outputs).toBe('"x"')
    },
  )

  test('costs and tokens that arrive in different events are both kept', async () => {
    const h = await harness()
    await ingested(
      h,
      event('generation-create', { id: 'g', traceId: 't', usageDetails: { input: 5 } }),
      event('generation-update', { id: 'g', costDetails: { total: 0.000001 }, usageDetails: {} }),
    )
    expect(await run(h, 'g')).toMatchObject({
      promptTokens: 5,
      totalTokens: 5,
      totalCost: '0.000001',
    })
  })

  test.each([
    ['the legacy form', { usage: { input: 3, output: 4, unit: 'TOKENS' } }, [3, 4, 7]],
    ["OpenAI's keys in camelCase", { usage: { promptTokens: 3, completionTokens: 4 } }, [3, 4, 7]],
    ['a total that does not add up', { usage: { input: 3, output: 4, total: 9 } }, [3, 4, 9]],
    [
      'usageDetails before usage',
      { usageDetails: { input: 5 }, usage: { input: 3, output: 4 } },
      [5, 4, 9],
    ],
    [
      "OpenAI's completions",
      {
        usageDetails: {
          prompt_tokens: 10,
          completion_tokens: 6,
          total_tokens: 16,
          prompt_tokens_details: { cached: 4, audio: null },
          completion_tokens_details: { reasoning: 2 },
        },
      },
      [10, 6, 16],
    ],
    [
      "OpenAI's responses",
      {
        usageDetails: {
          input_tokens: 10,
          output_tokens: 6,
          total_tokens: 16,
          input_tokens_details: { cached_tokens: 4 },
        },
      },
      [10, 6, 16],
    ],
    [
      'numbers in strings, no fractions, nothing negative',
      { usageDetails: { input: '3', a: 1.5, b: -1 } },
      [3, null, 3],
    ],
  ])('usage: %s', async (_, body, [prompt, completion, total]) => {
    const h = await harness()
    await ingested(h, event('generation-create', { id: 'g', traceId: 't', ...body }))
    expect(await run(h, 'g')).toMatchObject({
      promptTokens: prompt,
      completionTokens: completion,
      totalTokens: total,
    })
  })

  test("details of OpenAI's usage are subtracted from the count that they detail", async () => {
    const h = await harness()
    const usageDetails = {
      prompt_tokens: 10,
      completion_tokens: 6,
      total_tokens: 16,
      prompt_tokens_details: { cached_tokens: 4 },
    }
    await ingested(h, event('generation-create', { id: 'g', traceId: 't', usageDetails }))
    expect((await run(h, 'g')).usageDetails).toBe(
      '{"usage_details":{"input":6,"input_cached_tokens":4,"output":6,"total":16}}',
    )
  })

  test('an entity without an id is stored once, under an id that is derived from the event', async () => {
    const h = await harness()
    const batch = [
      event('trace-create', { name: 'n' }),
      event('span-create', { traceId: 't' }),
      event('score-create', { name: 's', value: 1, traceId: 't' }),
    ]
    await ingested(h, ...batch)
    await ingested(h, ...batch)
    expect(await counts(h)).toEqual([1, 2, 1, 0])
  })

  test('sdk-log is accepted and not listed', async () => {
    const h = await harness()
    const body = await ingest(h, event('sdk-log', { log: 'x' }))
    expect(body).toEqual({ successes: [], errors: [] })
    expect(await counts(h)).toEqual([0, 0, 0, 0])
  })

  test('scores can be read as soon as their batch is answered, and take their time from their envelopes', async () => {
    const h = await harness()
    const batch = recordedScores.map(({ body, timestamp }) =>
      event('score-create', body, timestamp),
    )
    const answer = await h.call('POST', `${base}/ingestion`, { batch })
    expect(answer.body.errors).toEqual([])
    for (const { body, readTimestamp } of recordedScores) {
      const score = await h.call('GET', `${base}/v2/scores/${body.id}`)
      expect(score.body).toMatchObject({ id: body.id, name: body.name, timestamp: readTimestamp })
    }
  })

  test('one bad event does not hold up its neighbours', async () => {
    const h = await harness()
    const good = [
      event('trace-create', { id: 'tr' }),
      event('score-create', { id: 's', name: 's', value: 1, traceId: 't' }),
    ]
    const bad = event('score-create', { id: 'b', name: 's', value: 1 })
    const body = await ingest(h, good[0], bad, good[1])
    expect(body.successes).toEqual(good.map(({ id }) => ({ id, status: 201 })))
    expect(body.errors).toEqual([
      { id: bad.id, status: 400, message: 'Invalid request data', error: expect.any(String) },
    ])
    expect(JSON.parse(body.errors[0]!.error)[0]).toMatchObject({
      path: ['body', 'traceId', 'sessionId', 'datasetRunId', 'observationId'],
      message: expect.stringMatching(/^Provide exactly one/),
    })
  })

  test.each([
    ['no object', 7],
    ['null', null],
    ['no id', { type: 'trace-create', timestamp: at, body: {} }],
    ['an empty id', { ...event('trace-create', { id: 't' }), id: '' }],
    ['an id with a carriage return', { ...event('trace-create', { id: 't' }), id: 'a\rb' }],
    ['a body whose id has a carriage return', event('trace-create', { id: 'a\rb' })],
    [
      'a score whose id has a carriage return',
      event('score-create', { id: 'a\rb', name: 's', value: 1, traceId: 't' }),
    ],
    [
      'an observation of a trace with a carriage return',
      event('span-create', { id: 'o', traceId: 'a\rb' }),
    ],
    ['a body with an endless id', event('span-create', { id: 'x'.repeat(801) })],
    ['an endless id', { ...event('trace-create', { id: 't' }), id: 'x'.repeat(801) }],
    ['no type', { ...event('', { id: 't' }), type: undefined }],
    ['an unknown type', event('trace-update', { id: 't' })],
    ['an internal type', event('dataset-run-item-create', { id: 't' })],
    ['__proto__ as type', event('__proto__', { id: 't' })],
    ['no timestamp', { ...event('trace-create', { id: 't' }), timestamp: undefined }],
    ['a date without time', event('trace-create', { id: 't' }, '2026-01-01')],
    ['a time without zone', event('trace-create', { id: 't' }, '2026-01-01T00:00:00')],
    ['no body', { ...event('trace-create', null), body: undefined }],
    ['a null body', event('trace-create', null)],
    ['a list as body', event('span-create', [])],
    ['a number as id', event('trace-create', { id: 7 })],
    ['a number as name', event('trace-create', { id: 't', name: 7 })],
    ['a long name', event('trace-create', { id: 't', name: 'x'.repeat(1001) })],
    [
      'a session too long to be looked up',
      event('trace-create', { id: 't', sessionId: 'x'.repeat(501) }),
    ],
    ['a string as tags', event('trace-create', { id: 't', tags: 'a' })],
    ['a string as public', event('trace-create', { id: 't', public: 'yes' })],
    ['an unknown level', event('span-create', { id: 'o', level: 'FATAL' })],
    ['a start that is no time', event('span-create', { id: 'o', startTime: 'yesterday' })],
    ['an update without id', event('span-update', { traceId: 't' })],
    ['an observation without type', event('observation-create', { id: 'o' })],
    ['a prompt without version', event('generation-create', { id: 'o', promptName: 'p' })],
    ['a version without prompt', event('generation-create', { id: 'o', promptVersion: 1 })],
    [
      'a version beyond integers',
      event('generation-create', { id: 'o', promptName: 'p', promptVersion: 1e12 }),
    ],
    ['a fraction of a token', event('generation-create', { id: 'o', usage: { input: 1.5 } })],
    ['a list as usageDetails', event('generation-create', { id: 'o', usageDetails: [] })],
    [
      'deep model parameters',
      event('generation-create', { id: 'o', modelParameters: { a: { b: { c: 1 } } } }),
    ],
    [
      'a score of a config of nobody',
      event('score-create', { id: 's', name: 's', value: 1, traceId: 't', configId: 'c' }),
    ],
  ])('%s is refused, and nothing is stored', async (_, bad) => {
    const h = await harness()
    const { successes, errors } = await ingest(h, bad)
    expect(successes).toEqual([])
    const sent = (bad as { id?: unknown } | null)?.id
    expect(errors).toEqual([
      {
        id: typeof sent === 'string' && sent !== '' ? sent : 'unknown',
        status: 400,
        message: 'Invalid request data',
        error: expect.any(String),
      },
    ])
    expect(await counts(h)).toEqual([0, 0, 0, 0])
    expect(h.errors).toEqual([])
  })

  test('NUL, lone surrogates, __proto__ and deep JSON are stored or refused, and never cause an accident', async () => {
    const h = await harness()
    const odd = 'a\u0000b\ud800c'
    const deep = `${'['.repeat(300)}${']'.repeat(300)}`
    const body = `{"id":${JSON.stringify(odd)},"name":${JSON.stringify(odd)},"userId":"\\u0000","tags":["\\ud800"],
      "input":${deep},"metadata":{"__proto__":{"x":1},"\\u0000":"\\u0000","n":1e400}}`
    const batch = `{"batch":[{"id":"e","type":"trace-create","timestamp":"${at}","body":${body}},
      {"id":"f","type":"trace-create","timestamp":"${at}","body":{"id":"x","metadata":{"n":1e99999}}}]}`
    const answer = await h.call('POST', `${base}/ingestion`, batch)
    expect(answer.body.successes).toEqual([{ id: 'e', status: 201 }])
    expect(answer.body.errors).toEqual([expect.objectContaining({ id: 'f', status: 400 })])
    await h.drain()
    expect(await trace(h, odd)).toMatchObject({
      name: 'a\ufffdb\ufffdc',
      userId: '\ufffd',
      inputs: deep,
    })
    expect(await counts(h)).toEqual([0, 1, 0, 0])
    expect(h.errors).toEqual([])
  })

  test('the public key alone may send scores and logs; other events are refused one by one', async () => {
    const h = await harness()
    const batch = [
      event('score-create', { id: 's', name: 's', value: 1, traceId: 't' }),
      event('trace-create', { id: 't' }),
      event('sdk-log', { log: 'x' }),
    ]
    const headers = { authorization: `Bearer ${h.tenant.publicKey}` }
    const answer = await h.call('POST', `${base}/ingestion`, { batch }, headers)
    expect([answer.status, answer.body]).toEqual([
      207,
      {
        successes: [{ id: batch[0]!.id, status: 201 }],
        errors: [
          {
            id: batch[1]!.id,
            status: 401,
            message: 'Authentication error',
            error: 'Access Scope Denied',
          },
        ],
      },
    ])
    await h.drain()
    expect(await counts(h)).toEqual([0, 0, 1, 0])
  })

  test('recorded traffic makes the same rows in order, doubled, shuffled and one by one', async () => {
    const h = await harness()
    const orders = [
      [recordedBatch],
      [recordedBatch, recordedBatch, recordedBatch],
      [recordedBatch.toReversed()],
      recordedBatch.map((one) => [one]),
      recordedBatch.toReversed().map((one) => [one]),
      [recordedBatch.slice(6), recordedBatch.slice(3, 9), recordedBatch.slice(0, 6)],
    ]
    const outcomes: Row[][][] = []
    for (const batches of orders) {
      const tenant = await h.addTenant()
      for (const batch of batches) {
        const answer = await h.callAs(tenant, 'POST', `${base}/ingestion`, { batch })
        expect(answer.body.errors).toEqual([])
        await h.drain()
      }
      outcomes.push(await allRows(h, tenant))
    }
    expect(outcomes[0]!.map((rows) => rows.length)).toEqual([3, 1, 3])
    for (const outcome of outcomes) expect(outcome).toEqual(outcomes[0])
    const [runs, traces] = outcomes[0]!
    expect(traces![0]).toMatchObject({
      name: 'tr',
      inputs: '"in"',
      outputs: '"out"',
      tags: ['x'],
      isPublic: true,
      runCount: 3,
      promptTokens: 3,
      totalCost: '0.1',
    })
    expect(new Set(runs!.map(({ name }) => name))).toEqual(new Set(['ev', 'g', 'sp']))
  })

  test('a batch of thousands of events is stored completely', async () => {
    const h = await harness()
    const batch = Array.from({ length: 2000 }, (_, i) =>
      event('span-create', { id: `o${i}`, traceId: `t${i % 20}`, name: 'n' }),
    )
    const { successes, errors } = await ingest(h, ...batch)
    expect([successes.length, errors.length]).toEqual([2000, 0])
    expect(await counts(h)).toEqual([2000, 20, 0, 0])
  })

  test('rows of another tenant do not change', async () => {
    const h = await harness()
    const other = await h.addTenant()
    await ingested(h, event('trace-create', { id: 'tr', name: 'mine' }))
    await h.callAs(other, 'POST', `${base}/ingestion`, {
      batch: [event('trace-create', { id: 'tr', name: 'theirs' }, '2027-01-01T00:00:00Z')],
    })
    await h.drain()
    expect((await trace(h, 'tr')).name).toBe('mine')
  })
})

describe('400', () => {
  test.each([
    ['no batch', {}],
    ['a null batch', { batch: null }],
    ['a batch that is no list', { batch: {} }],
    ['a list as body', []],
    ['no body', undefined],
  ])('%s is refused in the shape of this route', async (_, body) => {
    const h = await harness()
    const answer = await h.call('POST', `${base}/ingestion`, body)
    expect([answer.status, answer.body]).toEqual([
      400,
      { message: 'Invalid request data', errors: [expect.any(String)] },
    ])
  })

  test('a body that is not JSON is refused', async () => {
    const h = await harness()
    const answer = await h.call('POST', `${base}/ingestion`, '{"batch":[')
    expect([answer.status, answer.text]).toEqual([400, 'Invalid JSON'])
  })
})

describe('401', () => {
  test.each([
    ['no key', ''],
    ['a wrong key', `Basic ${Buffer.from('pk:sk').toString('base64')}`],
    ['an unknown public key', 'Bearer pk-lf-nobody'],
  ])('%s is refused in the shape of this route', async (_, authorization) => {
    const h = await harness()
    const headers = { authorization }
    const answer = await h.call('POST', `${base}/ingestion`, { batch: [] }, headers)
    expect([answer.status, answer.body]).toEqual([
      401,
      { error: 'UnauthorizedError', message: expect.any(String) },
    ])
  })
})
