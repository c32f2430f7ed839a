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
}

export type Verdict = 'better' | 'not worse' | 'worse' | 'undecided' | 'identical' | 'cannot judge'

interface Sides {
  baseline: number
  candidate: number
}

export interface Measure {
  key: string
  is_score: boolean
  direction: 'higher' | 'lower'
  pairs: number
  baseline_mean: number | null
  candidate_mean: number | null
  delta: number | null
  interval: Interval | null
  p: number | null
  p_holm: number | null
  method: string
  detectable: number | null
  better: number
  worse: number
  equal: number
  missing: number
  verdict: Verdict
  summary: string
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
  measures: Record<string, { a: number | null; b: number | null }>
}

export interface CompareAnswer {
  baseline: NamedExperiment
  comparisons: { candidate: NamedExperiment; measures: Measure[]; validity: Validity }[]
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
}
