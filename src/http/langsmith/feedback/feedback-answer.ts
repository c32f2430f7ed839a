import { z } from 'zod'
import { anyAnswer, raw, timeAnswer, uuidAnswer } from '../../answer-schemas.ts'
import { jsonObject } from '../schemas.ts'

/** FeedbackSchema (contracts/langsmith.md 2.1, 2.7.2). Langfuse's clients may store a correction of any shape. */
export const feedbackAnswer = z.object({
  id: uuidAnswer,
  key: z.string(),
  created_at: timeAnswer.nullable(),
  modified_at: timeAnswer.nullable(),
  score: raw(z.union([z.number().nullable(), z.boolean()])),
  value: raw(z.union([z.number().nullable(), z.boolean(), z.string(), jsonObject])),
  comment: z.string().nullable(),
  correction: raw(z.union([z.string().nullable(), jsonObject])),
  run_id: uuidAnswer.nullable(),
  trace_id: uuidAnswer.nullable(),
  session_id: uuidAnswer.nullable(),
  start_time: timeAnswer.nullable(),
  is_root: z.boolean(),
  feedback_source: z
    .object({
      type: z.string().nullable(),
      metadata: anyAnswer,
      user_id: anyAnswer,
      ls_user_id: anyAnswer,
      user_name: anyAnswer,
    })
    .nullable(),
  extra: anyAnswer,
  feedback_group_id: uuidAnswer.nullable(),
  comparative_experiment_id: uuidAnswer.nullable(),
  feedback_thread_id: z.string().nullable(),
})

export type FeedbackAnswer = z.output<typeof feedbackAnswer>
