import { z } from 'zod'
import { exampleAnswer } from '../examples/example-answer.ts'
import { feedbackAnswer } from '../feedback/feedback-answer.ts'
import { runFieldsAnswer } from '../runs/run-answer.ts'

/** ExampleWithRunsCH (contracts/langsmith.md 2.1): an example with its runs of all sessions. */
export const comparisonAnswer = exampleAnswer.extend({
  runs: z.array(runFieldsAnswer.extend({ feedbacks: z.array(feedbackAnswer) })),
})

export type ComparisonAnswer = z.output<typeof comparisonAnswer>
