/** What `runmill` needs of the request and the answer of `POST /api/runmill/compare`. */
export interface CompareBody {
  candidates: string[]
  candidate_metadata?: Record<string, string>
  baseline?: string
  baseline_metadata?: Record<string, string>
  dataset?: string
  measures?: string[]
  directions?: Record<string, 'higher' | 'lower'>
  margins?: Record<string, number>
  confidence?: number
  least_pairs?: number
  sort?: { measure: string; by?: string; order?: 'asc' | 'desc' }
  change?: { measure: string; is: string[] }
  /** False: only the rows are answered. */
  summary?: boolean
  bodies?: 'full' | 'none'
  limit?: number
}

export interface ComparedExperiment {
  id: string
  name: string
  dataset_id: string
  dataset_name: string
  created_at: string
}

export interface Measure {
  key: string
  is_score: boolean
  direction: 'higher' | 'lower'
  direction_source: 'request' | 'stored' | 'config' | 'measure' | 'assumed'
  pairs: number
  baseline_mean: number | null
  candidate_mean: number | null
  delta: number | null
  interval: [number, number] | null
  p: number | null
  p_holm: number | null
  margin: number
  better: number
  worse: number
  equal: number
  missing: number
  unscored: { baseline: number; candidate: number }
  detectable: number | null
  verdict: 'better' | 'not worse' | 'worse' | 'undecided' | 'identical' | 'cannot judge'
  summary: string
}

export interface Validity {
  is_same_dataset: boolean
  examples: number
  both: number
  only_baseline: number
  only_candidate: number
  added: number
  newly_errored: number
  errored: { baseline: number; candidate: number }
  unfinished: { baseline: number; candidate: number }
  executions: { baseline: number; candidate: number }
  warnings: string[]
}

export interface Row {
  example_id: string
  inputs: unknown
  measures: Record<string, { a: number | null; b: number | null }>
}

export interface Comparison {
  baseline: ComparedExperiment
  comparisons: {
    candidate: ComparedExperiment
    measures: Measure[]
    categories: { key: string; summary: string }[]
    validity: Validity
  }[]
  rows: Row[]
}
