import { expect, test } from 'vitest'
import { readExport, type Span } from '../../../src/http/otlp/decode.ts'
import { spansToEvents } from '../../../src/http/otlp/span-to-events.ts'
import { exportOf, type TestSpan, type Value } from './spans.ts'

const now = '2026-11-21T20:00:00.000000Z'

function spansOf(...spans: TestSpan[]): Span[] {
  return readExport(exportOf(...spans), now).spans
}

/** Returns what a span becomes: the patches of its run and of its trace. */
function patchesOf(span: TestSpan): {
  run: Record<string, unknown>
  trace: Record<string, unknown>
} {
  const events = spansToEvents(spansOf({ name: 'span', ...span }), { experimentId: 'e', now })
  const [run] = events.filter(({ kind }) => kind === 'run').map(({ patch }) => patch)
  const traces = events.filter(({ kind }) => kind === 'trace').map(({ patch }) => patch)
  return { run: { ...run }, trace: Object.assign({}, ...traces) as Record<string, unknown> }
}

/** Keys of contracts/langfuse.md 2.8.2, in the order in which they win. */
const keys: [field: string, keys: string[]][] = [
  [
    'userId',
    [
      'langfuse.user.id',
      'user.id',
      'langfuse.observation.metadata.langfuse_user_id',
      'langfuse.trace.metadata.langfuse_user_id',
      'ai.telemetry.metadata.userId',
    ],
  ],
  [
    'threadId',
    [
      'langfuse.session.id',
      'session.id',
      'gen_ai.conversation.id',
      'langfuse.observation.metadata.langfuse_session_id',
      'langfuse.trace.metadata.langfuse_session_id',
      'ai.telemetry.metadata.sessionId',
      'langsmith.metadata.session_id',
      'langsmith.metadata.conversation_id',
      'langsmith.metadata.thread_id',
    ],
  ],
  [
    'model',
    [
      'langfuse.observation.model.name',
      'gen_ai.response.model',
      'ai.model.id',
      'gen_ai.request.model',
      'llm.response.model',
      'llm.model_name',
      'model',
    ],
  ],
  [
    'environment',
    ['langfuse.environment', 'deployment.environment.name', 'deployment.environment'],
  ],
  ['version', ['langfuse.version']],
  ['statusMessage', ['langfuse.observation.status_message']],
  [
    'inputs',
    [
      'langfuse.observation.input',
      'gen_ai.input.messages',
      'gen_ai.prompt',
      'gen_ai.tool.call.arguments',
      'input.value',
      'input',
      'inputs',
      'traceloop.entity.input',
      'mlflow.spanInputs',
      'ai.prompt.messages',
      'ai.prompt',
      'ai.toolCall.args',
      'genkit:input',
    ],
  ],
  [
    'outputs',
    [
      'langfuse.observation.output',
      'gen_ai.output.messages',
      'gen_ai.completion',
      'gen_ai.tool.call.result',
      'output.value',
      'output',
      'outputs',
      'traceloop.entity.output',
      'mlflow.spanOutputs',
      'ai.response.text',
      'ai.response.object',
      'ai.response.toolCalls',
      'ai.toolCall.result',
      'genkit:output',
    ],
  ],
]
const payloads = new Set(['inputs', 'outputs'])

test.each(keys)(
  '%s: each key alone is read, and an earlier one wins over a later one',
  (field, names) => {
    for (const [i, name] of names.entries()) {
      const later = names.slice(i).map((key, j): [string, Value] => [key, `value${j}`])
      for (const attributes of [
        Object.fromEntries([later[0]!]),
        Object.fromEntries(later.toReversed()),
      ]) {
        const { run } = patchesOf({ attributes })
        expect(run[field], `${name} of ${Object.keys(attributes).length}`).toBe(
          payloads.has(field) ? '"value0"' : 'value0',
        )
      }
    }
  },
)

test('version, release and environment may stand on the resource; the span comes first', () => {
  const resource = {
    'service.version': 'r1',
    'langfuse.release': 'r2',
    'deployment.environment.name': 'r3',
  }
  expect(patchesOf({ resource }).trace).toMatchObject({
    version: 'r1',
    release: 'r2',
    environment: 'r3',
  })
  const attributes = {
    'langfuse.version': 's1',
    'langfuse.release': 's2',
    'langfuse.environment': 's3',
  }
  expect(patchesOf({ resource, attributes }).trace).toMatchObject({
    version: 's1',
    release: 's2',
    environment: 's3',
  })
})

test('an empty value is none: the next key is read', () => {
  const attributes = {
    'langfuse.user.id': '',
    'user.id': 'u1',
    'langfuse.observation.input': null,
    input: 'i',
  }
  expect(patchesOf({ attributes }).run).toMatchObject({ userId: 'u1', inputs: '"i"' })
})

test('absent says nothing: a span without attributes clears nothing of its trace', () => {
  const { run, trace } = patchesOf({ parentSpanId: 'b'.repeat(16) })
  // It stands for its trace as long as no root comes.
  expect(trace).toMatchObject({ name: 'span', inputs: null, outputs: null })
  expect(Object.keys(trace).toSorted()).toEqual([
    'createdAt',
    'environment',
    'experimentId',
    'inputs',
    'name',
    'outputs',
    'timestamp',
    'updatedAt',
  ])
  expect(Object.values(run)).not.toContain(null)
  expect(Object.keys(run)).not.toContain('inputs')
})

test("thousands of spans that repeat their trace's attributes say them once", () => {
  const spans = Array.from({ length: 2000 }, (_, i) => ({
    spanId: `${i + 1}`.padStart(16, '0'),
    parentSpanId: 'f'.repeat(16),
    start: i,
    attributes: {
      'user.id': 'u1',
      'langfuse.trace.tags': ['a', `t${i % 3}`],
      'langfuse.trace.metadata.k': 'v',
      ...(i === 5 ? { 'langfuse.trace.metadata.once': 1 } : {}),
    },
  }))
  const events = spansToEvents(spansOf(...spans), { experimentId: 'e', now })
  const traces = events.filter(({ kind }) => kind === 'trace').map(({ patch }) => patch)
  // The event of where the trace begins, the first span as what stands for the trace, the last three spans for their
  // tags, and the span that says something of its own.
  expect(traces).toHaveLength(6)
  expect(traces.filter((patch) => 'userId' in patch)).toHaveLength(1)
  expect(traces).toContainEqual({ metadata: { once: '1' } })
})

test('the same span is the same event, whatever came with it', () => {
  const [alone] = spansToEvents(spansOf({ name: 'a' }), { experimentId: 'e', now })
  const together = spansToEvents(spansOf({ name: 'b', spanId: 'b'.repeat(16) }, { name: 'a' }), {
    experimentId: 'e',
    now,
  })
  expect(together).toContainEqual(alone)
})
