import type { ComparisonRow } from '../../../store/read/comparison/comparison.ts'
import { exampleFromRow } from '../examples/example-from-row.ts'
import { feedbackFromRow } from '../feedback/feedback-from-row.ts'
import { runFields, type RunFieldOptions } from '../runs/run-from-row.ts'
import type { ComparisonAnswer } from './comparison-answer.ts'

/**
 * ExampleWithRunsCH (contracts/langsmith.md 2.1): an example with its runs of all sessions; `session_id` says whose a
 * run is.
 */
export function comparisonFromRow(
  { example, runs }: ComparisonRow,
  options: RunFieldOptions,
): ComparisonAnswer {
  return {
    ...exampleFromRow(example, options.urls),
    runs: runs.map(({ run, feedback }) => ({
      ...runFields(run, options),
      feedbacks: feedback.map(feedbackFromRow),
    })),
  }
}
