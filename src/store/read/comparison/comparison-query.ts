import type { Filter } from '../../../domain/filter.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'

/** Which examples of a dataset to show, with which runs (contracts/langsmith.md 2.1). */
export interface ComparisonQuery {
  tenantId: string
  datasetId: string
  /** Existing experiments: see `experimentListCompared`. */
  experimentIds: string[]
  /** Only these examples; null: all that have a run item in one of the experiments. */
  exampleIds: string[] | null
  /**
   * By experiment: it shows matching runs only, and examples without one in each of these experiments are left out.
   */
  filters: ReadonlyMap<string, Filter>
  /** By the mean score of a key over an example's shown runs; examples without a score come last in either order. */
  sort: { feedbackKey: string; order: 'asc' | 'desc' } | null
  /** Feedback of this comparison counts beside the plain feedback; that of any other never does. */
  comparativeExperimentId: string | null
}

/** An example's place in the order: all that is needed to go on behind it. */
export interface ComparisonKey {
  id: string
  createdAt: Timestamp
  score: number | null
}

export interface ComparisonPlace {
  /** null: from the start. */
  after: ComparisonKey | null
  offset: number
  limit: number
}
