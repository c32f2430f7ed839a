import { describe, expect, test } from 'vitest'
import { harness, type Harness } from '../../support/harness.ts'
import { rootId, runsByName, send, traceId, traceRow, type TestSpan } from './spans.ts'

const foreign = { name: 'some-instrumentation', version: '1.2' }

/** Sends one root span, and returns the run and the trace that it made. */
async function sendOne(
  attributes: TestSpan['attributes'],
  rest: TestSpan = {},
  h?: Harness,
  // oxlint-disable-next-line typescript/no-explicit-any -- rows of every shape
): Promise<{ run: any; trace: any }> {
  const server = h ?? (await harness())
  const sent = await send(server, [{ attributes: attributes ?? {}, ...rest }])
  expect(sent).toMatchObject({ status: 200, body: {} })
  await server.drain()
  const [run] = Object.values(await runsByName(server))
  const trace = await traceRow(server)
  expect(server.errors).toEqual([])
  if (h === undefined) await server.close()
  return { run, trace }
}

describe("Langfuse's own attributes", () => {
  test('a span with all of them becomes a run with all fields', async () => {
    const { run } = await sendOne(
      {
        'langfuse.observation.type': 'generation',
        'langfuse.observation.input': '{"q":"Q0"}',
        'langfuse.observation.output': 'A0',
        'langfuse.observation.model.name': 'gpt-x',
        'langfuse.observation.model.parameters': '{"temperature":0}',
        'langfuse.observation.usage_details': '{"input":3,"output":5}',
        'langfuse.observation.cost_details': '{"input":0.01,"output":0.02}',
        'langfuse.observation.completion_start_time': '"2026-11-21T20:00:00.004Z"',
        'langfuse.observation.prompt.name': 'greeting',
        'langfuse.observation.prompt.version': 3,
        'langfuse.observation.level': 'WARNING',
        'langfuse.observation.status_message': 'slow',
        'langfuse.observation.metadata.m': '0',
        'langfuse.observation.metadata.nested': '{"k":"v"}',
        'langfuse.environment': 'Langfuse-Staging',
        'langfuse.version': 'v7',
        'user.id': 'u1',
        'session.id': 's1',
        'langfuse.trace.tags': ['b', 'a'],
      },
      { name: 'llm-call', resource: { 'service.name': 'shop' } },
    )
    expect(run).toMatchObject({
      externalId: rootId,
      externalTraceId: traceId,
      parentRunId: null,
      name: 'llm-call',
      runType: 'llm',
      startTime: '2026-11-21T20:00:00.000000Z',
      endTime: '2026-11-21T20:00:00.010000Z',
      firstTokenTime: '2026-11-21T20:00:00.004000Z',
      inputs: { q: 'Q0' },
      outputs: 'A0',
      model: 'gpt-x',
      modelParameters: { temperature: 0 },
      promptTokens: 3,
      completionTokens: 5,
      totalTokens: 8,
      promptCost: '0.01',
      totalCost: '0.03',
      promptName: 'greeting',
      promptVersion: 3,
      level: 'WARNING',
      statusMessage: 'slow',
      environment: 'staging',
      version: 'v7',
      userId: 'u1',
      threadId: 's1',
      tags: ['b', 'a'],
      metadata: {
        m: 0,
        nested: { k: 'v' },
        resourceAttributes: { 'service.name': 'shop' },
        scope: { name: 'langfuse-sdk', version: '', attributes: {} },
      },
    })
    expect(Object.keys(run.metadata)).not.toContain('attributes')
  })

  test('a prompt belongs to a generation alone', async () => {
    const { run } = await sendOne({ 'langfuse.observation.prompt.name': 'greeting' })
    expect(run).toMatchObject({ runType: 'span', promptName: null })
  })

  test('the ten types of observations keep their names', async () => {
    const h = await harness()
    const types = {
      span: 'span',
      generation: 'llm',
      event: 'event',
      embedding: 'embedding',
      agent: 'agent',
      tool: 'tool',
      chain: 'chain',
      retriever: 'retriever',
      guardrail: 'guardrail',
      evaluator: 'evaluator',
      nonsense: 'span',
    }
    const spans = Object.keys(types).map((type, i) => ({
      name: type,
      spanId: String(i + 1).padStart(16, '0'),
      attributes: { 'langfuse.observation.type': type },
    }))
    await send(h, spans)
    await h.drain()
    const runs = await runsByName(h)
    expect(
      Object.fromEntries(Object.keys(types).map((type) => [type, runs[type].runType])),
    ).toEqual(types)
  })

  test.each(['json', 'protobuf'] as const)(
    'where an application begins is a root to readers, and keeps its parent (%s)',
    async (encoding) => {
      const h = await harness()
      const inside = 'b'.repeat(16)
      const spans: TestSpan[] = [
        { spanId: 'c'.repeat(16), parentSpanId: inside, name: 'step', start: 1 },
        {
          spanId: inside,
          parentSpanId: rootId,
          name: 'application',
          attributes: { 'langfuse.internal.is_app_root': true },
        },
        {
          spanId: 'd'.repeat(16),
          parentSpanId: rootId,
          name: 'no application',
          attributes: { 'langfuse.internal.is_app_root': false },
        },
        { name: 'gateway', attributes: { 'langfuse.internal.is_app_root': true } },
      ]
      for (const span of spans) await send(h, [span], { encoding })
      await h.drain()
      const names = async (query: string) => {
        const { body } = await h.call('GET', `/api/public/v2/observations?${query}`)
        return body.data.map(({ name }: { name: string }) => name).toSorted()
      }
      const { body } = await h.call('GET', `/api/public/v2/observations?name=application`)
      expect(body.data).toMatchObject([
        { id: inside, parentObservationId: rootId, isRootObservation: true },
      ])
      expect(await names('isRootObservation=true')).toEqual(['application', 'gateway'])
      expect(await names('isRootObservation=false')).toEqual(['no application', 'step'])
      expect(await names('parentObservationId=')).toEqual(['gateway'])
      const filter = (operator: string) =>
        encodeURIComponent(
          JSON.stringify([{ type: 'boolean', column: 'isRootObservation', operator, value: true }]),
        )
      expect(await names(`filter=${filter('=')}`)).toEqual(['application', 'gateway'])
      expect(await names(`filter=${filter('<>')}`)).toEqual(['no application', 'step'])
      expect(h.errors).toEqual([])
    },
  )

  test('metadata may be one JSON object, one attribute per member, or no object at all', async () => {
    const { run, trace } = await sendOne({
      'langfuse.observation.metadata': '{"a":1,"b":{"c":[1]}}',
      'langfuse.observation.metadata.d': 'text',
      'langfuse.observation.metadata.big': '12345678901234567890',
      'langfuse.observation.metadata.huge': '1e99999',
      'langfuse.trace.metadata': 'no object',
      'langfuse.trace.metadata.mk': 'mv',
    })
    const own = { a: 1, b: { c: [1] }, d: 'text', big: '12345678901234567890', huge: '1e99999' }
    expect(run.metadata).toMatchObject(own)
    expect(trace.metadata).toMatchObject({ ...own, metadata: 'no object', mk: 'mv' })
  })

  test('usage that is no object is no usage, and values that are no counts are left out', async () => {
    const h = await harness()
    const details = ['"7"', '[1]', '{"input":"x","output":-1,"cached":4}', 'no json']
    await send(
      h,
      details.map((text, i) => ({
        name: text,
        spanId: `${i + 1}`.padStart(16, '0'),
        attributes: {
          'langfuse.observation.type': 'generation',
          'langfuse.observation.usage_details': text,
          'langfuse.observation.cost_details': text,
        },
      })),
    )
    await h.drain()
    const runs = await runsByName(h)
    expect(details.map((text) => runs[text].totalTokens)).toEqual([null, null, 4, null])
    expect(h.errors).toEqual([])
  })

  test('a first token is timed by its time in any quotes, or by the time to it', async () => {
    const time = '2026-11-21T20:00:00.004Z'
    for (const sent of [time, `"${time}"`, JSON.stringify(`"${time}"`)]) {
      const { run } = await sendOne({ 'langfuse.observation.completion_start_time': sent })
      expect(run.firstTokenTime).toBe('2026-11-21T20:00:00.004000Z')
    }
    const { run } = await sendOne({ 'ai.response.msToFirstChunk': 2.5 })
    expect(run.firstTokenTime).toBe('2026-11-21T20:00:00.002500Z')
    for (const key of ['gen_ai.response', 'gen_ai.client.operation']) {
      const { run: timed } = await sendOne({ [`${key}.time_to_first_chunk`]: 0.0025 })
      expect(timed.firstTokenTime).toBe('2026-11-21T20:00:00.002500Z')
    }
    const { run: without } = await sendOne({
      'langfuse.observation.completion_start_time': '"soon',
    })
    expect(without.firstTokenTime).toBeNull()
  })

  test('levels in the words of loggers become the four; an error of the span is one', async () => {
    const h = await harness()
    const levels = {
      TRACE: 'DEBUG',
      Notice: 'DEFAULT',
      warn: 'WARNING',
      FATAL: 'ERROR',
      odd: 'DEFAULT',
    }
    await send(
      h,
      [...Object.keys(levels), 'status 2', 'status name'].map((name, i) => ({
        name,
        spanId: `${i + 1}`.padStart(16, '0'),
        attributes: name.startsWith('status') ? {} : { 'langfuse.observation.level': name },
        ...(name === 'status 2' ? { status: { code: 2, message: 'boom' } } : {}),
        ...(name === 'status name' ? { status: { code: 'STATUS_CODE_ERROR' } } : {}),
      })),
    )
    await h.drain()
    const runs = await runsByName(h)
    const found = Object.keys(levels).map((name) => [name, runs[name].level])
    expect(Object.fromEntries(found)).toEqual(levels)
    expect(runs['status 2']).toMatchObject({
      level: 'ERROR',
      statusMessage: 'boom',
      status: 'error',
    })
    expect(runs['status name'].level).toBe('ERROR')
  })
})

describe('a trace', () => {
  test("takes its root's name, input, output and metadata where no attribute says otherwise", async () => {
    const { trace } = await sendOne(
      {
        'langfuse.observation.input': '{"q":1}',
        'langfuse.observation.output': 'out',
        'langfuse.observation.metadata.experiment_name': 'exp',
        'langfuse.release': 'r1',
      },
      { name: 'root', resource: { 'service.version': '1.0', 'deployment.environment': 'prod' } },
    )
    expect(trace).toMatchObject({
      externalId: traceId,
      timestamp: '2026-11-21T20:00:00.000000Z',
      name: 'root',
      inputs: { q: 1 },
      outputs: 'out',
      release: 'r1',
      version: '1.0',
      environment: 'prod',
      isPublic: null,
      metadata: {
        experiment_name: 'exp',
        resourceAttributes: { 'service.version': '1.0', 'deployment.environment': 'prod' },
        scope: { name: 'langfuse-sdk' },
      },
    })
  })

  test('takes what attributes say of it, on whatever span they stand', async () => {
    const h = await harness()
    await send(h, [
      {
        name: 'root',
        attributes: {
          'langfuse.trace.input': 'first word',
          'langfuse.trace.output': '{"done":true}',
          'langfuse.trace.public': 'true',
          'langfuse.version': 'v1',
          'langfuse.release': 'r1',
          'langfuse.trace.tags': '["a","b"]',
        },
      },
      {
        name: 'child',
        spanId: 'c'.repeat(16),
        parentSpanId: rootId,
        start: 2,
        attributes: {
          'langfuse.trace.name': 'renamed',
          'user.id': 'u1',
          'session.id': 's1',
          'langfuse.trace.tags': 'c, a',
          'langfuse.trace.metadata.mk': 'mv',
          'langfuse.observation.metadata.own': 'not of the trace',
        },
      },
    ])
    await h.drain()
    const trace = await traceRow(h)
    expect(trace).toMatchObject({
      name: 'renamed',
      userId: 'u1',
      threadId: 's1',
      inputs: 'first word',
      outputs: { done: true },
      isPublic: true,
      version: 'v1',
      release: 'r1',
      tags: ['a', 'b', 'c'],
      metadata: { mk: 'mv' },
    })
    expect(trace.metadata.own).toBeUndefined()
  })

  test('exists as soon as any span of it does, and so does its environment', async () => {
    const h = await harness()
    await send(h, [
      {
        name: 'orphan',
        parentSpanId: 'b'.repeat(16),
        attributes: { 'langfuse.environment': 'sdk-experiment' },
      },
    ])
    await h.drain()
    expect(await traceRow(h)).toMatchObject({
      timestamp: '2026-11-21T20:00:00.000000Z',
      environment: 'sdk-experiment',
      // Until a root comes, or when it never does.
      name: 'orphan',
      runCount: 1,
    })
  })

  test('a span marked as root stands for the trace though it has a parent', async () => {
    const { trace } = await sendOne(
      { 'langfuse.internal.as_root': true },
      { name: 'entry', parentSpanId: 'b'.repeat(16) },
    )
    expect(trace.name).toBe('entry')
  })

  test('tags come as a list, as JSON, separated by commas, or alone', async () => {
    for (const sent of [['b', 'a'], '["b","a"]', 'b, a', 'b,a,']) {
      const { trace } = await sendOne({ 'tag.tags': sent })
      expect(trace.tags).toEqual(['a', 'b'])
    }
    const { trace } = await sendOne({ 'langfuse.tags': 'single' })
    expect(trace.tags).toEqual(['single'])
  })
})

describe('other instrumentations', () => {
  const cases: [
    name: string,
    attributes: NonNullable<TestSpan['attributes']>,
    run: object,
    events?: TestSpan['events'],
  ][] = [
    [
      'gen_ai: a chat',
      {
        'gen_ai.operation.name': 'chat',
        'gen_ai.system': 'openai',
        'gen_ai.request.model': 'gpt-4o',
        'gen_ai.response.model': 'gpt-4o-2024',
        'gen_ai.request.temperature': 0.5,
        'gen_ai.request.max_tokens': 100,
        'gen_ai.input.messages': '[{"role":"user","content":"hi"}]',
        'gen_ai.system_instructions': 'be kind',
        'gen_ai.output.messages': '[{"role":"assistant","content":"hello"}]',
        'gen_ai.usage.input_tokens': 10,
        'gen_ai.usage.output_tokens': 7,
        'gen_ai.usage.cache_read.input_tokens': 4,
        'gen_ai.usage.reasoning_tokens': 2,
        'gen_ai.usage.cost': 0.25,
        'gen_ai.conversation.id': 'thread-1',
      },
      {
        runType: 'llm',
        model: 'gpt-4o-2024',
        modelParameters: { temperature: 0.5, max_tokens: 100 },
        inputs: [
          { role: 'system', content: 'be kind' },
          { role: 'user', content: 'hi' },
        ],
        outputs: [{ role: 'assistant', content: 'hello' }],
        promptTokens: 10,
        completionTokens: 7,
        totalTokens: 17,
        usageDetails: {
          usage_details: {
            input: 6,
            output: 5,
            input_cached_tokens: 4,
            output_reasoning_tokens: 2,
            total: 17,
          },
        },
        totalCost: '0.25',
        threadId: 'thread-1',
        metadata: { attributes: { 'gen_ai.system': 'openai', 'gen_ai.operation.name': 'chat' } },
      },
    ],
    [
      'gen_ai: embeddings',
      { 'gen_ai.operation.name': 'embeddings', 'gen_ai.request.model': 'e-1' },
      { runType: 'embedding', model: 'e-1' },
    ],
    [
      'gen_ai: a tool',
      {
        'gen_ai.operation.name': 'execute_tool',
        'gen_ai.tool.name': 'search',
        'gen_ai.tool.call.arguments': '{"q":"x"}',
        'gen_ai.tool.call.result': 'found',
      },
      { name: 'search', runType: 'tool', inputs: { q: 'x' }, outputs: 'found' },
    ],
    ['gen_ai: an agent', { 'gen_ai.operation.name': 'invoke_agent' }, { runType: 'agent' }],
    [
      'gen_ai: messages as events',
      { 'gen_ai.operation.name': 'chat' },
      {
        inputs: [
          { role: 'system', content: 'be kind' },
          { role: 'user', content: 'hi' },
        ],
        outputs: { index: 0, message: { content: 'hello' } },
        events: null,
      },
      [
        { name: 'gen_ai.system.message', attributes: { content: 'be kind' } },
        { name: 'gen_ai.user.message', attributes: { content: 'hi' } },
        { name: 'gen_ai.choice', attributes: { index: 0, message: '{"content":"hello"}' } },
      ],
    ],
    [
      'gen_ai: one event with the details',
      {},
      { inputs: [{ role: 'user' }], outputs: [{ role: 'assistant' }] },
      [
        {
          name: 'gen_ai.client.inference.operation.details',
          attributes: {
            'gen_ai.input.messages': '[{"role":"user"}]',
            'gen_ai.output.messages': '[{"role":"assistant"}]',
          },
        },
      ],
    ],
    [
      'Traceloop: flattened messages',
      {
        'llm.request.type': 'chat',
        'gen_ai.prompt.0.role': 'user',
        'gen_ai.prompt.0.content': '42',
        'gen_ai.prompt.1.role': 'assistant',
        'gen_ai.completion.0.content': 'hello',
        'gen_ai.usage.prompt_tokens': 4,
        'gen_ai.usage.completion_tokens': 2,
        'llm.usage.total_tokens': 6,
      },
      {
        runType: 'llm',
        inputs: [{ role: 'user', content: '42' }, { role: 'assistant' }],
        outputs: [{ content: 'hello' }],
        promptTokens: 4,
        totalTokens: 6,
      },
    ],
    [
      'Traceloop: a workflow',
      {
        'traceloop.span.kind': 'workflow',
        'traceloop.entity.input': '{"args":[1]}',
        'traceloop.entity.output': '"done"',
      },
      { runType: 'chain', inputs: { args: [1] }, outputs: 'done' },
    ],
    [
      'OpenInference: an LLM',
      {
        'openinference.span.kind': 'LLM',
        'llm.model_name': 'claude',
        'llm.invocation_parameters': '{"top_p":1}',
        'llm.input_messages.0.message.role': 'user',
        'llm.input_messages.0.message.content': 'hi',
        'output.value': 'hello',
        'llm.token_count.prompt': 3,
        'llm.token_count.completion': 4,
        'llm.token_count.total': 7,
        'llm.token_count.prompt_details.cache_read': 1,
        'llm.cost.total': 0.5,
      },
      {
        runType: 'llm',
        model: 'claude',
        modelParameters: { top_p: 1 },
        inputs: [{ message: { role: 'user', content: 'hi' } }],
        outputs: 'hello',
        promptTokens: 3,
        completionTokens: 4,
        totalTokens: 7,
        totalCost: '0.5',
      },
    ],
    [
      'OpenInference: a retriever',
      { 'openinference.span.kind': 'RETRIEVER', 'input.value': 'query' },
      { runType: 'retriever', inputs: 'query' },
    ],
    [
      'Vercel AI SDK: the call of a model',
      {
        'ai.operationId': 'ai.generateText.doGenerate',
        'ai.telemetry.functionId': 'answer',
        'ai.model.id': 'gpt-4o',
        'ai.prompt.messages': '[{"role":"user","content":"hi"}]',
        'ai.response.text': 'hello',
        'ai.usage.promptTokens': 5,
        'ai.usage.completionTokens': 6,
        'ai.settings.maxRetries': 2,
        'ai.telemetry.metadata.userId': 'u9',
        'ai.telemetry.metadata.sessionId': 's9',
        'ai.telemetry.metadata.tags': ['x'],
        'ai.telemetry.metadata.customer': 'c1',
      },
      {
        name: 'answer:ai.generateText.doGenerate',
        runType: 'llm',
        model: 'gpt-4o',
        modelParameters: { maxRetries: 2 },
        inputs: [{ role: 'user', content: 'hi' }],
        outputs: 'hello',
        totalTokens: 11,
        userId: 'u9',
        threadId: 's9',
        tags: ['x'],
        metadata: { customer: 'c1' },
      },
    ],
    [
      'Vercel AI SDK: what encloses it',
      {
        'ai.operationId': 'ai.generateText',
        'ai.model.id': 'gpt-4o',
        'ai.prompt': '{"prompt":"hi"}',
      },
      { runType: 'span', name: 'ai.generateText', inputs: { prompt: 'hi' } },
    ],
    [
      'Vercel AI SDK: a tool',
      {
        'ai.operationId': 'ai.toolCall',
        'ai.toolCall.name': 'weather',
        'ai.toolCall.args': '{"city":"Rome"}',
        'ai.toolCall.result': '20',
      },
      { runType: 'tool', name: 'weather', inputs: { city: 'Rome' }, outputs: 20 },
    ],
    ['a model alone', { model: 'm' }, { runType: 'llm', model: 'm' }],
    [
      'MLflow',
      { 'mlflow.spanInputs': '{"a":1}', 'mlflow.spanOutputs': '[2]' },
      { inputs: { a: 1 }, outputs: [2] },
    ],
    ['Genkit', { 'genkit:name': 'flow', 'genkit:input': '"hi"' }, { name: 'flow', inputs: 'hi' }],
    ['Logfire', { 'logfire.msg': 'GET /' }, { name: 'GET /' }],
  ]

  test.each(cases)('%s', async (_, attributes, expected, events) => {
    const { run } = await sendOne(attributes, {
      scope: foreign,
      ...(events === undefined ? {} : { events }),
    })
    expect(run).toMatchObject(expected)
  })

  test('what no field reads is kept in the metadata, with where the span comes from', async () => {
    const { run, trace } = await sendOne(
      {
        'http.route': '/chat',
        'langfuse.experiment.other': 'read by nobody',
        'gen_ai.output.messages': '[]',
        list: ['a', 1, true, 0.5, ['b'], null],
        map: { a: { b: 1 } },
      },
      {
        scope: { ...foreign, attributes: { k: 'v' } },
        resource: { 'host.name': 'h1', 'process.pid': 7 },
      },
    )
    const metadata = {
      resourceAttributes: { 'host.name': 'h1', 'process.pid': 7 },
      scope: { ...foreign, attributes: { k: 'v' } },
      attributes: {
        'http.route': '/chat',
        'langfuse.experiment.other': 'read by nobody',
        list: ['a', 1, true, 0.5, ['b'], null],
        map: { a: { b: 1 } },
      },
    }
    expect(run.metadata).toEqual(metadata)
    expect(trace.metadata).toEqual(metadata)
  })

  test('events that are no messages stay with the run', async () => {
    const { run } = await sendOne(
      {},
      {
        events: [{ name: 'exception', attributes: { 'exception.message': 'boom' }, at: 3 }],
      },
    )
    expect(run.events).toEqual([
      {
        name: 'exception',
        time: '2026-11-21T20:00:00.003000Z',
        attributes: { 'exception.message': 'boom' },
      },
    ])
  })
})
