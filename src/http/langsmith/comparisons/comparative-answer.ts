import { z } from 'zod'
import { objectAnswer, raw, timeAnswer, uuidAnswer } from '../../answer-schemas.ts'
import { feedbackStatsAnswer } from '../runs/run-answer.ts'

/** ComparativeExperimentBase (contracts/langsmith.md 2.8). */
export const comparativeAnswer = z.object({
  id: uuidAnswer,
  name: z.string().nullable(),
  description: z.string().nullable(),
  tenant_id: uuidAnswer,
  created_at: timeAnswer,
  modified_at: timeAnswer,
  reference_dataset_id: uuidAnswer,
  extra: objectAnswer.nullable(),
})

export type ComparativeAnswer = z.output<typeof comparativeAnswer>

/** ComparativeExperiment. */
export const listedComparativeAnswer = comparativeAnswer.extend({
  experiments_info: raw(z.array(z.object({ id: uuidAnswer, name: z.string() }))),
  feedback_stats: feedbackStatsAnswer,
})

export type ListedComparativeAnswer = z.output<typeof listedComparativeAnswer>
