import { setTimeout as pause } from 'node:timers/promises'
import { compare } from '../../src/cli/client.ts'
import type { Comparison } from '../../src/cli/comparison.ts'
import { executionsOf, repetitions, type Variant, variants } from './experiments.ts'
import { sendByLangfuse } from './langfuse.ts'
import { sendByLangsmith } from './langsmith.ts'
import { makeQuestions, type Question } from './questions.ts'
import { inGroups, Refused, send, type Target } from './send.ts'
import { type Ids, idsOf, referenceOf } from './trace.ts'

export const datasetName = 'support-questions'

const hour = 3_600_000

/** What the demo made. */
export interface Filled {
  datasetId: string
  experiments: { variant: Variant; id: string }[]
  /** Each of the others against the first. */
  comparisons: Comparison[]
}

/**
 * Makes the dataset and the experiments of the demo. Whatever is there already is sent again, with the same ids and times,
 * which changes nothing.
 * @param count how many questions the dataset has when it is new
 * @throws Refused
 */
export async function fillDemo(
  target: Target,
  count: number,
  tell: (what: string) => void,
): Promise<Filled> {
  const { madeAt, size } = await ensureDataset(target, count)
  const ids = idsOf(madeAt)
  const questions = makeQuestions(size)
  tell(`${size} examples in the dataset ${datasetName}`)
  await ensureExamples(target, ids, questions, madeAt)
  await ensureConfigs(target)
  await ensureDirections(target)
  for (const variant of variants) {
    const startedAt = Date.parse(madeAt) - variant.hoursAgo * hour
    const executions = executionsOf(variant, questions)
    tell(`${executions.length} executions of ${variant.name}, by ${variant.protocol}'s protocol`)
    await send(target, 'POST', '/api/v1/sessions?upsert=true', {
      id: ids.experiment(variant),
      name: variant.name,
      description: variant.description,
      reference_dataset_id: ids.dataset,
      start_time: new Date(startedAt).toISOString(),
      end_time: new Date(startedAt + hour / 4).toISOString(),
      extra: {
        metadata: {
          branch: variant.branch,
          model: variant.model,
          prompt_version: variant.promptVersion,
        },
      },
    })
    const by = variant.protocol === 'langsmith' ? sendByLangsmith : sendByLangfuse
    await by(target, ids, variant, executions, startedAt)
  }
  tell('waiting until all of it can be read')
  const [baseline, ...candidates] = variants
  const comparisons: Comparison[] = []
  for (const candidate of candidates) {
    comparisons.push(
      await complete(target, ids.experiment(baseline!), ids.experiment(candidate), size),
    )
  }
  return {
    datasetId: ids.dataset,
    experiments: variants.map((variant) => ({ variant, id: ids.experiment(variant) })),
    comparisons,
  }
}

/** The dataset remembers when it was made, and so do all ids and times. */
async function ensureDataset(
  target: Target,
  count: number,
): Promise<{ madeAt: string; size: number }> {
  const query = new URLSearchParams({ name: datasetName })
  const found = (await send(target, 'GET', `/api/v1/datasets?${query.toString()}`)) as {
    metadata: { demo_made_at?: string; demo_examples?: number } | null
  }[]
  const [dataset] = found
  if (dataset !== undefined) {
    const { demo_made_at: madeAt, demo_examples: size } = dataset.metadata ?? {}
    if (madeAt !== undefined && size !== undefined) return { madeAt, size }
    throw new Refused(
      409,
      `There is a dataset ${datasetName} already, which the demo has not made.`,
    )
  }
  const madeAt = new Date().toISOString()
  await send(target, 'POST', '/api/v1/datasets', {
    id: idsOf(madeAt).dataset,
    name: datasetName,
    description: 'What customers of an outdoor shop ask its support assistant (made by the demo)',
    created_at: new Date(Date.parse(madeAt) - 8 * 24 * hour).toISOString(),
    extra: { metadata: { demo_made_at: madeAt, demo_examples: count } },
  })
  return { madeAt, size: count }
}

async function ensureExamples(
  target: Target,
  ids: Ids,
  questions: readonly Question[],
  madeAt: string,
): Promise<void> {
  await inGroups(questions, { size: 100, atOnce: 1 }, async (group) => {
    const examples = group.map((question) => ({
      id: ids.example(question),
      dataset_id: ids.dataset,
      inputs: { question: question.text },
      outputs: referenceOf(question),
      metadata: { area: question.topic.area, topic: question.topic.id },
      split: question.n % 5 === 0 ? ['smoke'] : ['base'],
      created_at: new Date(Date.parse(madeAt) - 8 * 24 * hour + question.n * 1000).toISOString(),
    }))
    try {
      await send(target, 'POST', '/api/v1/examples/bulk', examples)
    } catch (error) {
      // They are made all or none, so these are there.
      if (!(error instanceof Refused) || error.status !== 409) throw error
    }
  })
}

async function ensureConfigs(target: Target): Promise<void> {
  for (const [key, isLowerBetter] of [
    ['correct', false],
    ['helpful', false],
    ['invented', true],
  ] as const) {
    try {
      await send(target, 'POST', '/api/v1/feedback-configs', {
        feedback_key: key,
        feedback_config: { type: 'continuous', min: 0, max: 1 },
        is_lower_score_better: isLowerBetter,
      })
    } catch (error) {
      // The tenant has a config of its own for this key.
      if (!(error instanceof Refused) || ![400, 409].includes(error.status)) throw error
    }
  }
}

/** Which way the scores are better that no config tells of, unless somebody has said so already. */
async function ensureDirections(target: Target): Promise<void> {
  const path = '/api/runmill/score-directions'
  const { directions } = (await send(target, 'GET', path)) as { directions: { key: string }[] }
  for (const key of ['correct', 'helpful']) {
    if (directions.some((known) => known.key === key)) continue
    await send(target, 'PUT', path, { key, direction: 'higher' })
  }
}

/** Compares two variants as soon as all their executions and scores can be read. */
async function complete(
  { url, key }: Target,
  baseline: string,
  candidate: string,
  size: number,
): Promise<Comparison> {
  for (;;) {
    const body = { baseline, candidates: [candidate], limit: 0 }
    const comparison = await compare({ url, key }, body)
    const { validity, measures } = comparison.comparisons[0]!
    const isThere =
      validity.both === size &&
      validity.executions.baseline === size * repetitions &&
      validity.executions.candidate === size * repetitions &&
      validity.unfinished.baseline + validity.unfinished.candidate === 0
    const scores = measures.filter(({ is_score: isScore }) => isScore)
    const isScored = scores.every(({ unscored }) => unscored.baseline + unscored.candidate === 0)
    if (isThere && scores.length === 3 && isScored) return comparison
    await pause(300)
  }
}
