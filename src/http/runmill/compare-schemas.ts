import { z } from 'zod'
import { anyAnswer, raw, timeAnswer, uuidAnswer } from '../answer-schemas.ts'

const sides = z.object({ baseline: z.int(), candidate: z.int() })
const interval = z.array(z.number()).length(2).nullable()
const verdict = z.enum(['better', 'not worse', 'worse', 'undecided', 'identical', 'cannot judge'])

export const experimentAnswer = z.object({
  id: uuidAnswer,
  name: z.string(),
  dataset_id: uuidAnswer,
  dataset_name: z.string(),
  created_at: timeAnswer,
  metadata: anyAnswer,
})

const measureAnswer = z.object({
  key: z.string(),
  is_score: z.boolean(),
  direction: z.enum(['higher', 'lower']),
  direction_source: z
    .enum(['request', 'stored', 'config', 'measure', 'assumed'])
    .describe('Who says so; `assumed`: nobody, and higher is taken for better'),
  pairs: z.int(),
  /** Of each side alone, over the pairs. */
  baseline_mean: z.number().nullable(),
  candidate_mean: z.number().nullable(),
  baseline_interval: interval,
  candidate_interval: interval,
  delta: z.number().nullable(),
  standard_error: z.number().nullable(),
  interval,
  p: z.number().nullable(),
  p_holm: z.number().nullable(),
  p_benjamini_hochberg: z.number().nullable(),
  method: z.string(),
  effect: z.number().nullable(),
  detectable: z.number().nullable(),
  margin: z.number(),
  better: z.int(),
  worse: z.int(),
  equal: z.int(),
  missing: z.int(),
  only_baseline: z.int(),
  only_candidate: z.int(),
  unscored: sides,
  executions: sides,
  is_same_config: z.boolean(),
  /** null when no failed example lacks the score. */
  if_errored_were_worst: z
    .object({
      worst: z.number(),
      filled: z.int(),
      pairs: z.int(),
      delta: z.number().nullable(),
      interval,
      p: z.number().nullable(),
      method: z.string(),
      detectable: z.number().nullable(),
      better: z.int(),
      worse: z.int(),
      equal: z.int(),
      missing: z.int(),
      verdict,
    })
    .nullable(),
  verdict,
  summary: z.string(),
})

const chiSquared = z.object({ statistic: z.number(), df: z.int(), p: z.number() }).nullable()

const categoryAnswer = z.object({
  key: z.string(),
  labels: z.array(z.string()),
  pairs: z.int(),
  only_baseline: z.int(),
  only_candidate: z.int(),
  moves: z
    .array(z.array(z.int()))
    .nullable()
    .describe(
      'Pairs by their label of the baseline (row) and of the candidate (column); null when an example has several labels on a side',
    ),
  moved: z.int().nullable().describe('Pairs whose label is another one'),
  stuart_maxwell: chiSquared,
  bowker: chiSquared,
  shares: z.array(
    z.object({
      label: z.string(),
      baseline: z.number().nullable(),
      candidate: z.number().nullable(),
      delta: z.number().nullable(),
      interval,
      p: z.number().nullable(),
      p_holm: z.number().nullable(),
      method: z.string(),
    }),
  ),
  verdict: z
    .enum(['different', 'undecided', 'identical', 'cannot judge'])
    .describe('Whether the shares of the labels differ'),
  summary: z.string(),
})

const validityAnswer = z.object({
  is_same_dataset: z.boolean(),
  is_same_version: z.boolean(),
  is_same_config: z.boolean(),
  changed_examples: z.int(),
  examples: z.int(),
  both: z.int(),
  only_baseline: z.int(),
  only_candidate: z.int(),
  added: z.int(),
  newly_errored: z.int(),
  errored: sides,
  unfinished: sides,
  executions: sides,
  warnings: z.array(z.string()),
})

const run = z.object({
  id: uuidAnswer,
  run_id: uuidAnswer.nullable(),
  trace_id: uuidAnswer.nullable(),
  status: z.string(),
  latency: z.number().nullable(),
  tokens: z.number().nullable(),
  cost: z.number().nullable(),
})

const values = z.record(
  z.string(),
  z.object({ a: z.number().nullable(), b: z.number().nullable(), executions: sides }),
)

const rowAnswer = z.object({
  example_id: uuidAnswer,
  created_at: timeAnswer,
  inputs: anyAnswer,
  reference: anyAnswer,
  metadata: anyAnswer,
  baseline: raw(z.array(run)),
  candidate: raw(z.array(run)),
  measures: values,
  /** Of the other candidates, in their order. */
  others: z.array(z.object({ candidate_id: uuidAnswer, runs: z.array(run), measures: values })),
})

/** What `POST /api/runmill/compare` answers. */
export const compareAnswer = z.object({
  version: z.literal(1),
  baseline: experimentAnswer,
  comparisons: z.array(
    z.object({
      candidate: experimentAnswer,
      measures: z.array(measureAnswer),
      categories: z.array(categoryAnswer),
      validity: validityAnswer,
    }),
  ),
  family: z.object({ size: z.int(), measures: z.array(z.string()), candidates: z.int() }),
  rows: z.array(rowAnswer),
  next_cursor: z.string().nullable(),
})

export type MeasureAnswer = z.output<typeof measureAnswer>
export type CategoryAnswer = z.output<typeof categoryAnswer>
export type ValidityAnswer = z.output<typeof validityAnswer>
export type RunAnswer = z.output<typeof run>
