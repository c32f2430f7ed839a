import { randomUUID } from 'node:crypto'
import { evaluate } from 'langsmith/evaluation'
import type { Example, KVMap, Run } from 'langsmith/schemas'
import { traceable } from 'langsmith/traceable'
import { vi } from 'vitest'
import type { RunningServer } from '../server.ts'

/** The three examples. */
export const ids = { one: randomUUID(), two: randomUUID(), three: randomUUID() }
export const image = new Uint8Array([0, 255, 10, 13])
/** The usage of each call of the model. */
export const usage = {
  input_tokens: 3,
  output_tokens: 2,
  total_tokens: 5,
  input_cost: 0.000001,
  output_cost: 0.000002,
  total_cost: 0.000003,
}

type Inputs = { q: string }
/** Has no outputs when the target failed. */
type Judged = { outputs?: KVMap; referenceOutputs?: KVMap }
export type Results = Awaited<ReturnType<typeof evaluateOn>>

/**
 * Makes the dataset `sums`: three examples, the second with attachments.
 * @returns its id
 */
export async function makeDataset({ client }: RunningServer): Promise<string> {
  const dataset = await client.createDataset('sums', {
    description: 'additions',
    metadata: { level: 1 },
  })
  await client.createExample({
    id: ids.one,
    dataset_id: dataset.id,
    inputs: { q: '1+1' },
    outputs: { a: '2' },
    metadata: { level: 'easy' },
    split: 'train',
  })
  await client.createExamples([
    {
      id: ids.two,
      dataset_id: dataset.id,
      inputs: { q: '2+2' },
      outputs: { a: '4' },
      attachments: {
        img: ['image/png', image],
        'a.b': { mimeType: 'text/plain', data: new TextEncoder().encode('héllo') },
      },
    },
    {
      id: ids.three,
      dataset_id: dataset.id,
      inputs: { q: '3+3' },
      outputs: { a: '6' },
      split: ['test', 'train'],
    },
  ])
  return dataset.id
}

/**
 * Runs the SDK's `evaluate`. All answers are right except that to `2+2`; the failing target has no answer for `3+3`.
 */
export async function evaluateOn(
  { client }: RunningServer,
  experimentPrefix: string,
  { isFailing, repetitions }: { isFailing: boolean; repetitions: number },
) {
  const model = traceable(
    async ({ q }: Inputs) => {
      if (isFailing && q === '3+3') throw new Error('boom')
      return { answers: { '1+1': '2', '2+2': 'four', '3+3': '6' }, usage_metadata: usage }
    },
    { name: 'model', run_type: 'llm', client },
  )
  async function target(inputs: Inputs) {
    const { answers } = await model(inputs)
    return { a: answers[inputs.q as keyof typeof answers] }
  }
  return evaluate(target, {
    client,
    data: 'sums',
    experimentPrefix,
    numRepetitions: repetitions,
    maxConcurrency: 2,
    metadata: { model: 'm1' },
    evaluators: [
      ({ outputs, referenceOutputs }: Judged) => ({
        key: 'correct',
        score: outputs?.a === referenceOutputs?.a,
        comment: 'compared',
      }),
      () => [
        { key: 'length', score: 0.123456 },
        { key: 'verdict', value: 'SHORT' },
      ],
    ],
    summaryEvaluators: [
      ({ runs, examples }: { runs: Run[]; examples: Example[] }) => ({
        key: 'accuracy',
        score:
          runs.filter((run, i) => run.outputs?.a === examples[i]?.outputs?.a).length / runs.length,
      }),
    ],
  })
}

/** Waits until the runs of a project are applied, because bulk writes are answered before that. */
export async function allRunsOf(
  { client }: RunningServer,
  projectName: string,
  count: number,
): Promise<void> {
  const listed = async () => all(client.listRuns({ projectName }))
  await vi.waitUntil(
    async () => {
      const runs = await listed()
      return runs.length === count && runs.every((run) => run.end_time !== null)
    },
    { timeout: 60_000, interval: 100 },
  )
}

export async function all<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of iterable) items.push(item)
  return items
}
