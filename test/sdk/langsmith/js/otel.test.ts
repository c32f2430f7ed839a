import { randomUUID } from 'node:crypto'
import { context, trace } from '@opentelemetry/api'
import { Client } from 'langsmith'
import { evaluate } from 'langsmith/evaluation'
import { initializeOTEL } from 'langsmith/experimental/otel/setup'
import type { KVMap, Run } from 'langsmith/schemas'
import { traceable } from 'langsmith/traceable'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { startServer, type RunningServer } from '../server.ts'
import { all, allRunsOf } from './sums.ts'

/** The npm package `langsmith` in its OpenTelemetry mode, unmodified, against the real process. */

const usage = {
  input_tokens: 3,
  output_tokens: 2,
  total_tokens: 5,
  input_token_details: { cache_read: 1 },
  total_cost: 0.000003,
}

let server: RunningServer

beforeAll(async () => {
  server = await startServer('postgres')
  const { client } = server
  const dataset = await client.createDataset('sums')
  await client.createExamples(
    ['1+1', '2+2'].map((q, i) => ({
      id: randomUUID(),
      dataset_id: dataset.id,
      inputs: { q },
      outputs: { a: String(2 * (i + 1)) },
    })),
  )
})

afterAll(async () => {
  vi.unstubAllEnvs()
  trace.disable()
  context.disable()
  await server.stop()
})

async function evaluated(client: Client) {
  const model = traceable(
    async ({ q }: { q: string }) => ({ text: q === '1+1' ? '2' : 'five', usage_metadata: usage }),
    { name: 'model', run_type: 'llm', tags: ['a', 'b'], metadata: { plan: 'gold' }, client },
  )
  return evaluate(async (inputs: { q: string }) => ({ a: (await model(inputs)).text }), {
    client,
    data: 'sums',
    experimentPrefix: 'sums',
    evaluators: [
      ({ outputs, referenceOutputs }: { outputs?: KVMap; referenceOutputs?: KVMap }) => ({
        key: 'correct',
        score: outputs?.a === referenceOutputs?.a,
      }),
    ],
  })
}

// oxlint-disable-next-line typescript/no-explicit-any -- the SDK's types lack fields that the server answers
type Answer = any

/** Everything of an experiment that does not depend on ids and times. */
async function factsOf(experimentName: string): Promise<unknown> {
  const { client } = server
  await allRunsOf(server, experimentName, 4)
  const project: Answer = await client.readProject({
    projectName: experimentName,
    includeStats: true,
  })
  const runs = await all(client.listRuns({ projectId: project.id }))
  const rows = await server.call('POST', `/datasets/${project.reference_dataset_id}/runs`, {
    session_ids: [project.id],
  })
  const facts = (run: Answer) => ({
    name: run.name,
    type: run.run_type,
    inputs: run.inputs,
    outputs: run.outputs,
    example: run.reference_example_id,
    tags: run.tags ?? null,
    plan: run.extra?.metadata?.plan,
    tokens: [run.prompt_tokens, run.completion_tokens, run.total_tokens, run.total_cost],
    details: run.prompt_token_details,
    feedback: run.feedback_stats,
    depth: run.dotted_order!.split('.').length,
  })
  const roots = runs.filter((run) => run.parent_run_id === null)
  const trees = await Promise.all(
    roots.map(async (run) => {
      const whole = await client.readRun(run.id, { loadChildRuns: true })
      expect(whole.trace_id).toBe(whole.id)
      return { ...facts(whole), children: whole.child_runs!.map(facts) }
    }),
  )
  return {
    statistics: [project.run_count, project.total_tokens, project.total_cost, project.error_rate],
    feedback: project.feedback_stats,
    trees: trees.toSorted((a, b) => (JSON.stringify(a.inputs) < JSON.stringify(b.inputs) ? -1 : 1)),
    rows: rows
      .map((row: { inputs: KVMap; runs: Run[] }) => [row.inputs, row.runs.map(facts)])
      .toSorted(),
  }
}

describe('LANGSMITH_OTEL_ENABLED', () => {
  test('evaluate() gives the same experiment as without it', async () => {
    const plain = await evaluated(server.client)
    await server.client.awaitPendingTraceBatches()
    vi.stubEnv('LANGSMITH_TRACING', 'true')
    vi.stubEnv('LANGSMITH_OTEL_ENABLED', 'true')
    vi.stubEnv('LANGSMITH_ENDPOINT', server.url)
    vi.stubEnv('LANGSMITH_API_KEY', server.tenant.secretKey)
    const otel = initializeOTEL()
    const client = new Client()
    const traced = await evaluated(client)
    await client.awaitPendingTraceBatches()
    await otel.DEFAULT_LANGSMITH_SPAN_PROCESSOR.forceFlush()

    expect(await factsOf(traced.experimentName)).toEqual(await factsOf(plain.experimentName))
    // The SDK tells the same ids as the server.
    for (const { run, evaluationResults } of traced.results) {
      expect((await server.client.readRun(run.id)).inputs).toEqual(run.inputs)
      const feedback = await all(server.client.listFeedback({ runIds: [run.id] }))
      expect(feedback.map(({ key, score }) => [key, Number(score)])).toEqual(
        evaluationResults.results.map(({ key, score }) => [key, Number(score)]),
      )
    }
  })
})
