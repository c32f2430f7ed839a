/** What the API answers, as far as the page reads it. The OpenAPI document at /docs describes all of it. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

export interface DatasetSummary {
  id: string
  name: string
  description: string | null
  created_at: string
  examples: number
  experiments: number
  last_experiment_at: string | null
}

export interface DatasetsAnswer {
  datasets: DatasetSummary[]
  next_cursor: string | null
}

export interface ExperimentSummary {
  id: string
  name: string
  description: string | null
  metadata: Record<string, Json>
  created_at: string
  ended_at: string | null
  last_activity_at: string | null
  executions: number
  errors: number
  latency_p50: number | null
  latency_p99: number | null
  tokens: number | null
  cost: number | null
  scores: Record<string, { n: number; avg: number | null; values: Record<string, number> }>
}

export interface ExperimentsAnswer {
  dataset: { id: string; name: string; description: string | null }
  now: string
  experiments: ExperimentSummary[]
  next_cursor: string | null
}

export interface NamedExperiment {
  id: string
  name: string
  dataset_id: string
  dataset_name: string
  created_at: string
  metadata: Record<string, Json>
}

export type Interval = [low: number, high: number]

export interface SummaryAnswer {
  experiment: NamedExperiment
  executions: number
  examples: number
  errored: number
  unfinished: number
  measures: {
    key: string
    is_score: boolean
    examples: number
    mean: number
    interval: Interval | null
  }[]
  has_more_measures: boolean
}

export type Verdict = 'better' | 'not worse' | 'worse' | 'undecided' | 'identical' | 'cannot judge'

interface Sides {
  baseline: number
  candidate: number
}

export type Direction = 'higher' | 'lower'

/** How a measure is judged. */
export interface Judgement {
  pairs: number
  delta: number | null
  interval: Interval | null
  p: number | null
  method: string
  detectable: number | null
  better: number
  worse: number
  equal: number
  missing: number
  verdict: Verdict
}

export interface Measure extends Judgement {
  key: string
  is_score: boolean
  direction: Direction
  direction_source: 'request' | 'stored' | 'config' | 'measure' | 'assumed'
  baseline_mean: number | null
  candidate_mean: number | null
  p_holm: number | null
  /** If each failed execution without a score had the worst one. null when there is none. */
  if_errored_were_worst: (Judgement & { worst: number; filled: number }) | null
}

interface ChiSquared {
  statistic: number
  df: number
  p: number
}

/** A score that has labels and no numbers. */
export interface Category {
  key: string
  labels: string[]
  pairs: number
  only_baseline: number
  only_candidate: number
  /** Pairs by their label of the baseline (row) and of the candidate (column). */
  moves: number[][] | null
  moved: number | null
  stuart_maxwell: ChiSquared | null
  bowker: ChiSquared | null
  shares: {
    label: string
    baseline: number | null
    candidate: number | null
    delta: number | null
    interval: Interval | null
    p_holm: number | null
    method: string
  }[]
  verdict: 'different' | 'undecided' | 'identical' | 'cannot judge'
}

export interface Validity {
  is_same_dataset: boolean
  changed_examples: number
  examples: number
  both: number
  only_baseline: number
  only_candidate: number
  newly_errored: number
  errored: Sides
  unfinished: Sides
  executions: Sides
  warnings: string[]
}

/** An execution of an example, as a row of a comparison has it. */
export interface ShortRun {
  id: string
  status: string
}

export interface ComparisonRow {
  example_id: string
  inputs: Json
  reference: Json
  baseline: ShortRun[]
  candidate: ShortRun[]
  measures: Values
  /** Of the other candidates. */
  others: { candidate_id: string; runs: ShortRun[]; measures: Values }[]
}

/** Of both sides, by measure. */
export type Values = Record<string, { a: number | null; b: number | null }>

export interface Comparison {
  candidate: NamedExperiment
  measures: Measure[]
  categories: Category[]
  validity: Validity
}

export interface CompareAnswer {
  baseline: NamedExperiment
  comparisons: Comparison[]
  rows: ComparisonRow[]
  next_cursor: string | null
}

export interface Score {
  id: string
  key: string
  score: Json
  value: Json
  comment: string | null
  source: string | null
}

export interface Execution {
  id: string
  run_id: string | null
  trace_id: string | null
  status: string
  start_time: string | null
  latency: number | null
  tokens: number | null
  cost: number | null
  inputs: Json
  outputs: Json
  error: Json
  scores: Score[]
}

export interface ExampleAnswer {
  example: { id: string; inputs: Json; reference: Json; metadata: Json }
  executions: Execution[]
  has_more_executions: boolean
}
