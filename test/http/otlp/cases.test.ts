import { beforeAll, expect, test } from 'vitest'
import { resolveId } from '../../../src/domain/ids.ts'
import { harness } from '../../support/harness.ts'
import { send, type TestSpan } from './spans.ts'

/*
 * What instrumentations really send, and how it reads. Each case is a trace of its own on one server. Values are made
 * up. A kind of span that is new becomes a case here.
 */

interface Case {
  name: string
  /** Sent one by one, in this order. `id` and `parent` are names of this case. */
  spans: (TestSpan & { id?: string; parent?: string })[]
  trace?: object
  /** By the name of the observation. */
  observations?: Record<string, object>
}

const json = JSON.stringify
const call = { 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'm' }
const usage = {
  'gen_ai.usage.input_tokens': 100,
  'gen_ai.usage.output_tokens': 20,
  'gen_ai.usage.cost': 0.01,
}
const io = (word: string) => ({
  'langfuse.observation.input': `${word} in`,
  'langfuse.observation.output': `${word} out`,
})

const cases: Case[] = [
  // Which span stands for the trace.
  {
    name: 'a process that joins a trace later does not rename it',
    spans: [
      { id: 'a', name: 'orchestrator', end: 5000, attributes: io('plan') },
      {
        parent: 'a',
        name: 'worker',
        start: 1000,
        attributes: { ...io('sub'), 'langfuse.internal.as_root': true },
      },
    ],
    trace: { name: 'orchestrator', input: 'plan in', output: 'plan out' },
  },
  {
    name: 'a root without input and output gets none from a span that stands for the trace less',
    spans: [
      {
        parent: 'a',
        name: 'worker',
        start: 1,
        attributes: { ...io('sub'), 'langfuse.internal.as_root': true },
      },
      { id: 'a', name: 'orchestrator' },
    ],
    trace: { name: 'orchestrator', input: null, output: null },
  },
  {
    name: 'where the root was filtered out, the first application below it names the trace',
    spans: [
      {
        parent: 'filtered',
        name: 'second',
        start: 10,
        attributes: { ...io('second'), 'langfuse.internal.is_app_root': true },
      },
      {
        parent: 'filtered',
        name: 'first',
        attributes: { ...io('first'), 'langfuse.internal.is_app_root': 'true' },
      },
      { parent: 'filtered', name: 'step', start: -5, attributes: io('step') },
    ],
    trace: { name: 'first', input: 'first in', output: 'first out' },
  },
  {
    name: 'what an attribute says of the trace outranks what its root implies',
    spans: [
      {
        parent: 'a',
        name: 'child',
        start: -5,
        attributes: { 'langfuse.trace.name': 'said', 'langfuse.trace.output': 'said out' },
      },
      { id: 'a', name: 'root', attributes: { ...io('root'), 'user.id': 'u1' } },
    ],
    trace: { name: 'said', input: 'root in', output: 'said out', userId: 'u1' },
  },
  {
    name: 'the version of a trace is that of its root, not of a process that joined it',
    spans: [
      { id: 'a', name: 'root', resource: { 'service.version': '1.0' } },
      {
        parent: 'a',
        name: 'worker',
        start: 5,
        attributes: { 'user.id': 'u1', 'langfuse.internal.as_root': true },
        resource: { 'service.version': '2.0' },
      },
    ],
    trace: { name: 'root', version: '1.0', userId: 'u1' },
  },

  // Attributes that are empty, or lose to others.
  {
    name: 'Google ADK: a tool has empty requests and responses of a model beside its own',
    spans: [
      {
        name: 'execute_tool get_weather',
        attributes: {
          'gen_ai.operation.name': 'execute_tool',
          'gen_ai.tool.name': 'get_weather',
          'gcp.vertex.agent.tool_call_args': '{"city":"Oslo"}',
          'gcp.vertex.agent.tool_response': '{"temp":3}',
          'gcp.vertex.agent.llm_request': '{}',
          'gcp.vertex.agent.llm_response': '{}',
        },
      },
    ],
    observations: { get_weather: { type: 'TOOL', input: { city: 'Oslo' }, output: { temp: 3 } } },
  },
  {
    name: 'empty JSON is a value where there is no other',
    spans: [{ name: 'a', attributes: { 'input.value': '{}', 'output.value': '[]' } }],
    observations: { a: { input: {}, output: [] } },
  },
  {
    name: 'LiteLLM: messages without parts beside the call of a tool',
    spans: [
      {
        name: 'litellm_request',
        attributes: {
          'gen_ai.request.model': 'm',
          'gen_ai.output.messages':
            '[{"role": "assistant", "parts": [], "finish_reason": "tool_calls"}]',
          'gen_ai.completion.0.function_call.name': 'get_weather',
        },
      },
    ],
    observations: { litellm_request: { output: [{ function_call: { name: 'get_weather' } }] } },
  },
  {
    name: 'AI SDK: an answer and the calls of tools beside it',
    spans: [
      {
        name: 'step',
        attributes: {
          'ai.model.id': 'm-1',
          'ai.prompt.messages': '[{"role":"user","content":[{"type":"text","text":"weather?"}]}]',
          'ai.response.text': 'Let me look.',
          'ai.response.toolCalls':
            '[{"toolCallId":"c1","toolName":"weather","input":{"city":"Oslo"}}]',
        },
      },
      {
        name: 'text alone',
        attributes: {
          'ai.model.id': 'm-1',
          'ai.response.text': 'Done.',
          'ai.response.toolCalls': '[]',
        },
      },
    ],
    observations: {
      step: {
        input: [{ role: 'user', content: 'weather?' }],
        output: {
          role: 'assistant',
          content: 'Let me look.',
          tool_calls: [{ toolCallId: 'c1', toolName: 'weather', input: { city: 'Oslo' } }],
        },
      },
      'text alone': { output: 'Done.' },
    },
  },
  {
    name: 'known attributes whose value no field shows are kept',
    spans: [
      {
        name: 'a',
        scope: { name: 'lib' },
        attributes: {
          'gen_ai.request.model': 'm',
          model: 'm',
          'llm.model_name': 'other',
          'input.value': 'won',
          input: 'lost',
          'mlflow.spanInputs': 'won',
          'mlflow.spanOutputs': '{}',
          'output.value': 'out',
          'langfuse.observation.level': 'WARNING',
          'langfuse.unheard.of': 1,
        },
      },
      {
        name: 'of the SDK',
        attributes: {
          'langfuse.observation.type': 'span',
          'langfuse.observation.prompt.name': 'greeting',
          'not.of.langfuse': 1,
        },
      },
    ],
    observations: {
      a: {
        input: 'won',
        output: 'out',
        metadata: {
          scope: { name: 'lib' },
          attributes: { 'llm.model_name': 'other', input: 'lost', 'langfuse.unheard.of': 1 },
        },
      },
      'of the SDK': {
        promptName: null,
        metadata: { attributes: { 'langfuse.observation.prompt.name': 'greeting' } },
      },
    },
  },

  // Tokens.
  {
    name: 'Google ADK: cached tokens are told in the response alone',
    spans: [
      {
        name: 'call_llm',
        attributes: {
          'gen_ai.request.model': 'gemini',
          'gen_ai.usage.input_tokens': 50,
          'gen_ai.usage.output_tokens': 9,
          'gcp.vertex.agent.llm_response': json({
            usage_metadata: {
              prompt_token_count: 50,
              candidates_token_count: 9,
              cached_content_token_count: 40,
              thoughts_token_count: 5,
              total_token_count: 64,
            },
          }),
        },
      },
    ],
    observations: {
      call_llm: {
        // The told total shows that the thoughts are not among the 9.
        usageDetails: {
          input: 10,
          output: 9,
          input_cached_tokens: 40,
          output_reasoning_tokens: 5,
          total: 64,
        },
      },
    },
  },
  {
    name: 'Pydantic AI: cache tokens among the details',
    spans: [
      {
        name: 'chat m',
        attributes: {
          ...call,
          'gen_ai.usage.input_tokens': 1203,
          'gen_ai.usage.output_tokens': 8,
          'gen_ai.usage.details.cache_read_input_tokens': 1000,
          'gen_ai.usage.details.cache_creation_input_tokens': 200,
          'gen_ai.usage.details.reasoning_tokens': 6,
        },
      },
    ],
    observations: {
      'chat m': {
        usageDetails: {
          input: 3,
          output: 2,
          input_cached_tokens: 1000,
          input_cache_creation: 200,
          output_reasoning_tokens: 6,
          total: 1211,
        },
      },
    },
  },
  {
    name: "AI SDK: details in the provider's metadata; a whole that is smaller does not include them",
    spans: [
      {
        name: 'openai',
        attributes: {
          'ai.model.id': 'm',
          'ai.usage.inputTokens': 50,
          'ai.usage.outputTokens': 9,
          'ai.response.providerMetadata':
            '{"openai":{"cachedPromptTokens":40,"reasoningTokens":7}}',
        },
      },
      {
        name: 'anthropic',
        attributes: {
          'ai.model.id': 'm',
          'ai.usage.inputTokens': 3,
          'ai.usage.outputTokens': 8,
          'ai.response.providerMetadata': '{"anthropic":{"cacheReadInputTokens":1000}}',
        },
      },
    ],
    observations: {
      openai: {
        usageDetails: {
          input: 10,
          output: 2,
          input_cached_tokens: 40,
          output_reasoning_tokens: 7,
          total: 59,
        },
      },
      anthropic: {
        usageDetails: { input: 3, output: 8, input_cached_tokens: 1000, total: 1011 },
      },
    },
  },
  {
    name: 'the whole call of a model in one attribute',
    spans: [
      {
        name: 'haystack.component.run',
        attributes: {
          'haystack.component.input': '{"messages":[]}',
          'haystack.component.output': json({
            replies: [
              { meta: { model: 'm-1', usage: { prompt_tokens: 7, completion_tokens: 5 } } },
            ],
          }),
        },
      },
      {
        name: 'm-2',
        attributes: {
          'genkit:metadata:subtype': 'model',
          'genkit:output': json({ usage: { inputTokens: 4, outputTokens: 3, thoughtsTokens: 1 } }),
        },
      },
    ],
    observations: {
      'haystack.component.run': {
        type: 'GENERATION',
        model: 'm-1',
        usageDetails: { input: 7, output: 5, total: 12 },
      },
      'm-2': { usageDetails: { input: 4, output: 2, output_reasoning_tokens: 1, total: 7 } },
    },
  },

  {
    name: 'details of usage in the text of a Python object, of which strings say nothing',
    spans: [
      {
        name: 'dict',
        attributes: {
          ...call,
          'gen_ai.usage.input_tokens': 40,
          'gen_ai.usage.output_tokens': 12,
          'metadata.usage_object':
            "{'total_tokens': 52, 'completion_tokens_details': {'audio_tokens': None, 'reasoning_tokens': 4}, 'prompt_tokens_details': {'cached_tokens': 16}}",
        },
      },
      {
        name: 'object',
        attributes: {
          ...call,
          'gen_ai.usage.input_tokens': 40,
          'output.value': json({
            raw: String.raw`Completion(choices=[Choice(text='it\'s usage=Usage(cached_tokens=9)', role=<Role.A: 'a'>)], usage=Usage(prompt_tokens_details=Details(cached_tokens=16)))`,
          }),
        },
      },
      {
        name: 'cut off',
        attributes: {
          ...call,
          'gen_ai.usage.input_tokens': 40,
          'metadata.usage_object': "{'prompt_tokens_details': {'cached_tokens': 16}, 'tot",
        },
      },
    ],
    observations: {
      dict: {
        usageDetails: {
          input: 24,
          output: 8,
          input_cached_tokens: 16,
          output_reasoning_tokens: 4,
          total: 52,
        },
      },
      object: { usageDetails: { input: 24, input_cached_tokens: 16, total: 40 } },
      'cut off': { usageDetails: { input: 40, total: 40 } },
    },
  },
  {
    name: 'a cost of 0 beside tokens is unknown, unless it is in a field of Langfuse or there are no tokens',
    spans: [
      { name: 'unknown', attributes: { ...call, ...usage, 'gen_ai.usage.cost': 0 } },
      {
        name: 'elsewhere',
        attributes: { ...call, ...usage, 'gen_ai.usage.cost': 0, 'llm.cost.total': 0.5 },
      },
      { name: 'no tokens', attributes: { ...call, 'gen_ai.usage.cost': 0 } },
      {
        name: 'own',
        attributes: {
          ...usage,
          'gen_ai.operation.name': 'chat',
          'gen_ai.request.model': 'gpt-4.1-mini',
          'langfuse.observation.cost_details': json({ total: 0 }),
        },
      },
    ],
    observations: {
      unknown: { costDetails: {}, metadata: { attributes: { 'gen_ai.usage.cost': 0 } } },
      elsewhere: { costDetails: { total: 0.5 } },
      'no tokens': { costDetails: { total: 0 } },
      own: { costDetails: { total: 0 } },
    },
  },
  // Containers that repeat the usage of their children.
  {
    name: 'agents, steps and chains repeat usage and cost, which count once',
    spans: [
      { parent: 'a', name: 'chat m', start: 1, attributes: { ...call, ...usage } },
      {
        id: 'a',
        name: 'invoke_agent A',
        scope: { name: 'strands.telemetry.tracer' },
        attributes: {
          'gen_ai.operation.name': 'invoke_agent',
          'gen_ai.request.model': 'm',
          ...usage,
        },
      },
      {
        parent: 'a',
        name: 'step',
        attributes: { 'gen_ai.operation.name': 'agent_step', ...usage },
      },
      { parent: 'a', name: 'kind', attributes: { 'openinference.span.kind': 'AGENT', ...usage } },
      { parent: 'a', name: 'run', attributes: { agent_name: 'A', ...usage } },
      { parent: 'a', name: 'flow', attributes: { 'traceloop.span.kind': 'workflow', ...usage } },
      { parent: 'a', name: 'ai', attributes: { 'ai.operationId': 'ai.generateText', ...usage } },
    ],
    trace: { totalCost: 0.01 },
    observations: {
      'chat m': {
        usageDetails: { input: 100, output: 20, total: 120 },
        costDetails: { total: 0.01 },
      },
      'invoke_agent A': {
        type: 'AGENT',
        usageDetails: {},
        costDetails: {},
        metadata: { attributes: usage },
      },
      step: { type: 'AGENT', usageDetails: {}, costDetails: {} },
      kind: { type: 'AGENT', usageDetails: {}, costDetails: {} },
      run: { type: 'AGENT', usageDetails: {}, costDetails: {} },
      flow: { type: 'CHAIN', usageDetails: {}, costDetails: {} },
      'ai.generateText': { type: 'SPAN', usageDetails: {}, costDetails: {} },
    },
  },

  // Messages.
  {
    name: 'Pydantic AI: all messages in one attribute',
    spans: [
      {
        name: 'chat m',
        scope: { name: 'pydantic-ai' },
        attributes: {
          ...call,
          events: json([
            { 'event.name': 'gen_ai.system.message', content: 'be kind' },
            { 'event.name': 'gen_ai.user.message', role: 'user', content: 'hi' },
            {
              'event.name': 'gen_ai.choice',
              index: 0,
              message: { role: 'assistant', content: 'yo' },
            },
          ]),
        },
      },
    ],
    observations: {
      'chat m': {
        input: [
          { role: 'system', content: 'be kind' },
          { role: 'user', content: 'hi' },
        ],
        output: { index: 0, message: { role: 'assistant', content: 'yo' } },
        metadata: { attributes: { 'gen_ai.operation.name': 'chat' } },
      },
    },
  },
  {
    name: 'Strands: one choice is the output itself, several are a list, and text in parts is text',
    spans: [
      {
        name: 'chat one',
        attributes: call,
        events: [
          { name: 'gen_ai.user.message', attributes: { content: '[{"text":"hi"}]' } },
          { name: 'gen_ai.choice', attributes: { message: 'yo', finish_reason: 'stop' } },
        ],
      },
      {
        name: 'chat two',
        attributes: call,
        events: [
          { name: 'gen_ai.choice', attributes: { message: '[{"text":"yo"}]' } },
          { name: 'gen_ai.choice', attributes: { message: '[{"toolUse":{"name":"t"}}]' } },
          { name: 'gen_ai.unheard.of', attributes: { n: 1 } },
        ],
      },
    ],
    observations: {
      'chat one': {
        input: [{ role: 'user', content: 'hi' }],
        output: { message: 'yo', finish_reason: 'stop' },
      },
      'chat two': { output: [{ message: 'yo' }, { message: [{ toolUse: { name: 't' } }] }] },
    },
  },
  {
    name: 'parts that are all text become the text, and instructions are shown once',
    spans: [
      {
        name: 'chat m',
        attributes: {
          ...call,
          'gen_ai.system_instructions': '[{"type":"text","content":"be kind"}]',
          'gen_ai.input.messages': json([
            { role: 'system', parts: [{ type: 'text', content: 'be kind' }] },
            {
              role: 'user',
              parts: [
                { type: 'text', content: 'hi' },
                { type: 'uri', uri: 'x' },
              ],
            },
          ]),
          'gen_ai.output.messages': json([
            { role: 'assistant', parts: [{ type: 'text', content: 'yo' }], finish_reason: 'stop' },
          ]),
        },
      },
      {
        name: 'as sent',
        attributes: {
          'langfuse.observation.input': '[{"role":"user","content":[{"type":"text","text":"hi"}]}]',
          'gen_ai.tool.call.result': '{"content":[{"type":"text","text":"hi"}]}',
        },
      },
    ],
    observations: {
      'chat m': {
        input: [
          { role: 'system', content: 'be kind' },
          {
            role: 'user',
            parts: [
              { type: 'text', content: 'hi' },
              { type: 'uri', uri: 'x' },
            ],
          },
        ],
        output: [{ role: 'assistant', content: 'yo', finish_reason: 'stop' }],
      },
      'as sent': {
        input: [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }],
        output: { content: [{ type: 'text', text: 'hi' }] },
      },
    },
  },

  // Prompts, errors, parameters.
  {
    name: 'a generation is linked to its prompt by any of three names',
    spans: [
      {
        name: 'one',
        attributes: { ...call, 'langfuse.prompt.name': 'greeting', 'langfuse.prompt.version': 3 },
      },
      {
        name: 'two',
        attributes: {
          ...call,
          'ai.telemetry.metadata.langfusePrompt': '{"name":"greeting","version":3}',
        },
      },
    ],
    observations: {
      one: { promptName: 'greeting', promptVersion: 3 },
      two: { promptName: 'greeting', promptVersion: 3 },
    },
  },
  {
    name: 'an error has its message, wherever the exporter put it',
    spans: [
      {
        name: 'exception',
        status: { code: 2 },
        events: [
          {
            name: 'exception',
            attributes: { 'exception.type': 'ValueError', 'exception.message': 'boom' },
          },
        ],
      },
      { name: 'attribute', attributes: { 'error.type': 'timeout', 'error.message': 'too slow' } },
      { name: 'type', attributes: { 'error.type': 'timeout' } },
      {
        name: 'status',
        status: { code: 2, message: 'from the status' },
        attributes: { 'error.message': 'from an attribute' },
        scope: { name: 'lib' },
      },
    ],
    observations: {
      exception: { level: 'ERROR', statusMessage: 'boom' },
      attribute: { level: 'ERROR', statusMessage: 'too slow' },
      type: { level: 'ERROR', statusMessage: 'timeout' },
      status: {
        level: 'ERROR',
        statusMessage: 'from the status',
        metadata: { attributes: { 'error.message': 'from an attribute' } },
      },
    },
  },
  {
    name: 'parameters of a model that are neither text nor numbers become JSON text',
    spans: [
      {
        name: 'one',
        attributes: {
          'langfuse.observation.type': 'generation',
          'langfuse.observation.model.parameters':
            '{"temperature": 0.50, "stop": ["a", "b"], "stream": true, "user": "u"}',
        },
      },
      {
        name: 'two',
        attributes: {
          'gen_ai.request.model': 'm',
          'gen_ai.request.stop_sequences': ['a', 'b'],
          'gen_ai.request.choice.count': 2,
          'gen_ai.request.stream': true,
        },
      },
    ],
    observations: {
      one: {
        modelParameters: { temperature: 0.5, stop: '["a","b"]', stream: 'true', user: 'u' },
      },
      two: { modelParameters: { stop_sequences: '["a","b"]', 'choice.count': 2, stream: 'true' } },
    },
  },
  {
    name: 'the name of the model is no parameter, so it hides no parameters that are told elsewhere',
    spans: [
      {
        name: 'call',
        attributes: {
          'ai.operationId': 'ai.generateText.doGenerate',
          'gen_ai.request.model': 'm',
          'gen_ai.response.model': 'm-2025',
          'ai.settings.maxRetries': 2,
        },
      },
    ],
    observations: {
      'ai.generateText.doGenerate': {
        model: 'm-2025',
        modelParameters: { maxRetries: 2 },
        metadata: { attributes: { 'gen_ai.request.model': 'm' } },
      },
    },
  },
  {
    name: 'a question that is plain text is what the user said beside the instructions',
    spans: [
      {
        name: 'agent',
        attributes: {
          'gen_ai.operation.name': 'invoke_agent',
          'gen_ai.system_instructions': 'Be brief.',
          'mastra.agent_run.input': 'Why?',
        },
      },
    ],
    observations: {
      agent: {
        input: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: 'Why?' },
        ],
      },
    },
  },
]

// oxlint-disable-next-line typescript/no-explicit-any -- a trace as Langfuse's API shows it
const answers: any[] = []
let observationsBelowFiltered: { name: string; traceName: string }[]
let agentRoot: object

beforeAll(async () => {
  const h = await harness()
  for (const [i, { spans }] of cases.entries()) {
    for (const [j, { id = `span ${j}`, parent, ...span }] of spans.entries()) {
      const sent = await send(h, [
        {
          ...span,
          traceId: traceIdOf(i),
          spanId: spanIdOf(i, id),
          ...(parent === undefined ? {} : { parentSpanId: spanIdOf(i, parent) }),
        },
      ])
      expect(sent.status).toBe(200)
    }
  }
  await h.drain()
  for (const i of cases.keys()) {
    answers.push((await h.call('GET', `/api/public/traces/${traceIdOf(i)}`)).body)
  }
  const filtered = cases.findIndex(({ name }) => name.startsWith('where the root was filtered'))
  const query = `traceId=${traceIdOf(filtered)}&fields=core,basic,trace_context`
  observationsBelowFiltered = (await h.call('GET', `/api/public/v2/observations?${query}`)).body
    .data
  const agents = cases.findIndex(({ name }) => name.startsWith('agents, steps and chains'))
  const trace = resolveId('trace', traceIdOf(agents)).id
  agentRoot = (await h.call('POST', '/runs/query', { trace, is_root: true })).body.runs[0]
  expect(h.errors).toEqual([])
})

function traceIdOf(i: number): string {
  return (i + 1).toString(16).padStart(32, '0')
}

function spanIdOf(i: number, id: string): string {
  return Buffer.from(`${String.fromCodePoint(65 + i)}${id}`.padEnd(8).slice(0, 8)).toString('hex')
}

test.each(cases.map((one, i) => [one.name, i] as const))('%s', (_, i) => {
  const { trace, observations = {} } = cases[i]!
  const body = answers[i]
  if (trace !== undefined) expect(body).toMatchObject(trace)
  for (const [name, expected] of Object.entries(observations)) {
    const found = body.observations.find((one: { name: string }) => one.name === name)
    expect(found, name).toMatchObject(expected)
    for (const field of ['usageDetails', 'costDetails', 'metadata', 'modelParameters'] as const) {
      if (!(field in expected)) continue
      const value = (expected as Record<string, Record<string, unknown>>)[field]!
      if (field !== 'metadata') expect(found[field], `${name}: ${field}`).toEqual(value)
      else if ('attributes' in value && 'scope' in value) {
        expect(found.metadata.attributes).toEqual(value.attributes)
      }
    }
  }
})

test('the trace of an application below a filtered root has its name on each observation', () => {
  expect(observationsBelowFiltered).toHaveLength(3)
  for (const one of observationsBelowFiltered) expect(one).toMatchObject({ traceName: 'first' })
})

test("usage counts once for LangSmith's clients, too", () => {
  expect(agentRoot).toMatchObject({ name: 'invoke_agent A', total_tokens: 120, total_cost: '0.01' })
})
