import type { Filter } from '../../../domain/filter.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'

/** Which examples of a dataset to show, and with which runs (contracts/langsmith.md 2.1). */
export interface ComparisonQuery {
  tenantId: string
  datasetId: string
  /** Existing experiments: see `experimentListCompared`. */
  experimentIds: string[]
  /** Only these examples; null for all that have a run item in one of the experiments. */
  exampleIds: string[] | null
  /** By experiment: only matching runs are shown, and an example needs one in each of these experiments to be shown. */
  filters: ReadonlyMap<string, Filter>
  /** By the mean score of a key over an example's shown runs. Examples without a score come last in either order. */
  sort: { feedbackKey: string; order: 'asc' | 'desc' } | null
  /** Feedback of this comparison counts along with plain feedback. Feedback of other comparisons never counts. */
  comparativeExperimentId: string | null
}

/** The position of an example in the order: everything that is needed to continue after it. */
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
