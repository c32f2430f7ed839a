import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { harness } from '../../support/harness.ts'
import { callbackFrameworks } from './frameworks/callbacks.ts'
import { tableOf } from './frameworks/document.ts'
import type { FrameworkFacts } from './frameworks/facts.ts'
import { javascriptFrameworks } from './frameworks/javascript.ts'
import { instrumentedFrameworks } from './frameworks/openinference.ts'
import { tracingFrameworks } from './frameworks/own-tracing.ts'
import {
  asRuns,
  forestOfObservations,
  forestOfRuns,
  readRecording,
  readRuns,
  readTraces,
  replay,
} from './frameworks/read-back.ts'

const frameworks = [
  ...callbackFrameworks,
  ...instrumentedFrameworks,
  ...tracingFrameworks,
  ...javascriptFrameworks,
]

describe.each(frameworks)('$fixture', (facts) => {
  test('what it sends comes back through both dialects', async () => {
    const h = await harness()
    const statuses = await replay(h, readRecording(facts.fixture))
    expect(statuses.filter((status) => status >= 300)).toEqual([])
    const traces = await readTraces(h)
    const expected = facts.observations.trim().split('\n\n')
    const forests = traces.map(({ observations }) => forestOfObservations(observations))
    expect.soft(forests).toEqual(expected)
    for (const [index, trace] of traces.entries()) {
      expect.soft(trace).toMatchObject(aboutTrace(facts, index))
    }
    if (facts.prompt) expect.soft(promptsOf(traces)).toEqual(['weather-prompt 3'])
    expect.soft(inputsAndOutputs(facts, traces[0])).toEqual(expectedValues(facts))

    const runs = await readRuns(h)
    expect.soft(runs.map(forestOfRuns)).toEqual(expected.flatMap(asRuns))
    if (facts.session) {
      expect.soft(runs.flat().some((run) => run.thread_id === 'session-1')).toBe(true)
    }
    expect(h.errors).toEqual([])
  })
})

function aboutTrace({ user, session, tags, bare }: FrameworkFacts, index: number): object {
  const isBare = bare?.includes(index) === true
  return {
    // A trace is named after its root, or after the earliest span of those that came.
    name: expect.any(String),
    ...(user ? { userId: isBare ? null : 'ada' } : {}),
    ...(session ? { sessionId: isBare ? null : 'session-1' } : {}),
    ...(tags ? { tags: expect.arrayContaining(['weather', 'demo']) } : {}),
  }
}

/** The prompts that calls of a model are linked to, each once. */
// oxlint-disable-next-line typescript/no-explicit-any -- traces as Langfuse's API shows them
function promptsOf(traces: any[]): string[] {
  const calls = traces
    .flatMap(({ observations }) => observations)
    .filter(({ type }) => type === 'GENERATION')
  return [
    ...new Set(calls.map(({ promptName, promptVersion }) => `${promptName} ${promptVersion}`)),
  ]
}

function expectedValues({ trace, tool, firstCall, lastCall }: FrameworkFacts): object {
  return {
    trace,
    firstCall,
    ...(tool === undefined ? {} : { tool }),
    ...(lastCall === undefined ? {} : { lastCall }),
  }
}

// oxlint-disable-next-line typescript/no-explicit-any -- a trace as Langfuse's API shows it
function inputsAndOutputs(facts: FrameworkFacts, trace: any): object {
  // oxlint-disable-next-line typescript/no-explicit-any -- an observation
  const byStart: any[] = trace.observations.toSorted((a: any, b: any) =>
    a.startTime < b.startTime ? -1 : 1,
  )
  const calls = byStart.filter(
    ({ type, name, level }) =>
      type === 'GENERATION' && level !== 'ERROR' && name === (facts.callName ?? name),
  )
  const tool =
    byStart.find(({ type }) => type === 'TOOL') ??
    byStart.find(({ name }) => name === 'get_weather')
  return {
    trace: [trace.input, trace.output],
    firstCall: [calls[0]?.input, calls[0]?.output],
    ...(facts.tool === undefined ? {} : { tool: [tool?.input, tool?.output] }),
    ...(facts.lastCall === undefined
      ? {}
      : { lastCall: [calls.at(-1)?.input, calls.at(-1)?.output] }),
  }
}

test("docs/frameworks.md has the table of these facts (write it with vitest's --update)", async () => {
  const file = new URL('../../../docs/frameworks.md', import.meta.url)
  const document = readFileSync(file, 'utf8')
  const [before, after] = document.split(/(?<=<!-- table -->\n)[\s\S]*(?=<!-- end -->)/)
  await expect(`${before}\n${tableOf(frameworks)}\n${after}`).toMatchFileSnapshot(file.pathname)
})
