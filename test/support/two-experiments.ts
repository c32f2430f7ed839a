import { comparisonRows, feedbackOn, rootRun, second } from './comparison-rows.ts'
import type { Harness } from './harness.ts'

/** Two experiments on one dataset, the baseline made before the candidate. */
export interface TwoExperiments {
  baseline: string
  candidate: string
  /** The last one is the newest. */
  examples: string[]
}

/** Scores of `correct` by example, one for each repetition. No score: the execution failed. Null: there is none. */
export type Scores = (number[] | null)[]

/** Makes both experiments, with one execution for each score. */
export async function twoExperiments(
  h: Harness,
  baseline: Scores,
  candidate: Scores,
): Promise<TwoExperiments> {
  const rows = comparisonRows(h.db, h.tenant.id)
  const datasetId = await rows.dataset()
  const examples: string[] = []
  for (let i = 0; i < baseline.length; i++) {
    const inputs = JSON.stringify({ question: i })
    examples.push(
      await rows.example(datasetId, { createdAt: second(i), inputs, outputs: `"answer ${i}"` }),
    )
  }
  const experiments: string[] = []
  for (const [n, scores] of [baseline, candidate].entries()) {
    const id = await rows.experiment(datasetId, `${['base', 'new'][n]} of ${datasetId}`)
    await h.db`update experiments set created_at = ${second(n)}, start_time = ${second(100 + n)}, metadata = ${JSON.stringify({ n: String(n) })}::text::jsonb
      where tenant_id = ${h.tenant.id} and id = ${id}`
    experiments.push(id)
    const events = scores.flatMap((repetitions, i) => {
      if (repetitions === null) return []
      if (repetitions.length === 0) return [rootRun(id, examples[i]!, { error: '"failed"' })]
      return repetitions.flatMap((score) => {
        const run = rootRun(id, examples[i]!)
        return [run, feedbackOn(run, 'correct', score)]
      })
    })
    await h.ingest(...events)
  }
  return { baseline: experiments[0]!, candidate: experiments[1]!, examples }
}

/** One execution for each example. */
export function once(...scores: (number | null)[]): Scores {
  return scores.map((score) => (score === null ? null : [score]))
}
