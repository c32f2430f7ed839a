import { startObservation } from '@langfuse/tracing'
import { vi } from 'vitest'
import type { Sdk } from './sdk.ts'

/** A name with a folder, a blank and a slash, which must be sent as a single segment of a path. */
export const datasetName = 'evals/qa set'

export const itemIds = ['sum 1', 'sum/2', 'sum-3'] as const

/** The usage of each call of the model. */
export const usage = { input: 3, output: 2, total: 5 }
export const cost = { input: 0.000001, output: 0.000002, total: 0.000003 }

const answers: Record<string, string> = { '1+1': '2', '2+2': 'four', '3+3': '6' }

interface Sum {
  q: string
}

/**
 * Makes three items, the first of them in two versions.
 * @returns when all were in their first version
 */
export async function makeDataset({ langfuse }: Sdk): Promise<{ version: string }> {
  await langfuse.api.datasets.create({
    name: datasetName,
    description: 'additions',
    metadata: { level: 1, inner: { a: [1, null] } },
  })
  const sums = [
    [itemIds[0], '1+1', 'two'],
    [itemIds[1], '2+2', '4'],
    [itemIds[2], '3+3', '6'],
  ] as const
  let version = ''
  for (const [id, q, a] of sums) {
    const item = await langfuse.dataset.createItem({
      datasetName,
      id,
      input: { q },
      expectedOutput: { a },
      metadata: { from: id },
    })
    version = item.createdAt
  }
  await langfuse.dataset.createItem({ datasetName, id: itemIds[0], expectedOutput: { a: '2' } })
  return { version }
}

/** Answers a sum by one call of a model. */
export async function task(item: { input?: unknown }): Promise<{ a: string }> {
  const { q } = item.input as Sum
  const call = startObservation(
    'model',
    {
      input: [{ role: 'user', content: q }],
      model: 'm-1',
      modelParameters: { temperature: 0 },
      usageDetails: usage,
      costDetails: cost,
    },
    { asType: 'generation' },
  )
  call.update({ output: { role: 'assistant', content: answers[q] } }).end()
  return { a: answers[q]! }
}

interface Judged {
  output: { a: string }
  expectedOutput?: { a: string }
}

/** Gives a score of each data type. */
export const evaluators = [
  async ({ output, expectedOutput }: Judged) => ({
    name: 'correct',
    value: output.a === expectedOutput?.a ? 1 : 0,
    dataType: 'BOOLEAN' as const,
    comment: 'compared',
  }),
  async ({ output }: Judged) => [
    { name: 'length', value: output.a.length / 8, metadata: { unit: 'bytes' } },
    { name: 'verdict', value: 'SHORT', dataType: 'CATEGORICAL' as const },
    { name: 'note', value: `said ${output.a}`, dataType: 'TEXT' as const },
  ],
]

/** The share of correct answers. */
export async function accuracy({
  itemResults,
}: {
  itemResults: readonly { evaluations: readonly { name: string; value: unknown }[] }[]
}) {
  const right = itemResults.flatMap(({ evaluations }) =>
    evaluations.filter(({ name, value }) => name === 'correct' && value === 1),
  )
  return { name: 'accuracy', value: right.length / itemResults.length, comment: 'of the run' }
}

/** Asks until the answer is the expected one, because bulk writes are answered before they can be read. */
export async function eventually<T>(
  ask: () => PromiseLike<T>,
  isThere: (answer: T) => boolean,
): Promise<T> {
  return vi.waitFor(
    async () => {
      const answer = await ask()
      if (!isThere(answer)) throw new Error(`not there: ${JSON.stringify(answer).slice(0, 2000)}`)
      return answer
    },
    { timeout: 60_000, interval: 100 },
  )
}

export function byName<T extends { name?: string | null }>(rows: readonly T[]): Map<string, T> {
  return new Map(rows.map((row) => [row.name ?? '', row]))
}
