import { z } from 'zod'
import {
  decimalAnswer,
  objectAnswer,
  timeAnswer,
  uuidAnswer,
  wholeAnswer,
} from '../../answer-schemas.ts'
import { feedbackStatsAnswer } from '../runs/run-answer.ts'

/** TracerSessionWithoutVirtualFields (contracts/langsmith.md 2.5.1). */
export const plainSessionAnswer = z.object({
  id: uuidAnswer,
  tenant_id: uuidAnswer,
  name: z.string(),
  start_time: timeAnswer,
  end_time: timeAnswer.nullable(),
  description: z.string().nullable(),
  extra: objectAnswer.nullable(),
  default_dataset_id: uuidAnswer.nullable(),
  reference_dataset_id: uuidAnswer.nullable(),
  trace_tier: z.string().nullable(),
  last_run_start_time_live: timeAnswer.nullable(),
})

export type PlainSessionAnswer = z.output<typeof plainSessionAnswer>

/** One of the most frequent values among the runs. `query` is the filter that these runs match. */
const facetAnswer = z.object({
  key: z.string(),
  value: z.string(),
  query: z.string(),
  n: wholeAnswer,
})

/** TracerSession. Statistics that a request does not ask for are null, except the number of runs. */
export const sessionAnswer = plainSessionAnswer.extend({
  run_count: wholeAnswer,
  latency_p50: z.number().nullable(),
  latency_p99: z.number().nullable(),
  first_token_p50: z.number().nullable(),
  first_token_p99: z.number().nullable(),
  total_tokens: wholeAnswer.nullable(),
  prompt_tokens: wholeAnswer.nullable(),
  completion_tokens: wholeAnswer.nullable(),
  total_cost: decimalAnswer.nullable(),
  prompt_cost: decimalAnswer.nullable(),
  completion_cost: decimalAnswer.nullable(),
  last_run_start_time: timeAnswer.nullable(),
  feedback_stats: feedbackStatsAnswer.nullable(),
  session_feedback_stats: feedbackStatsAnswer.nullable(),
  run_facets: z.array(facetAnswer).nullable(),
  error_rate: z.number().nullable(),
  streaming_rate: z.number().nullable(),
  test_run_number: wholeAnswer.nullable(),
})

export type SessionAnswer = z.output<typeof sessionAnswer>
