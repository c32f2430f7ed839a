import { z } from 'zod'
import { raw, timeAnswer, wholeAnswer } from '../../answer-schemas.ts'
import { feedbackStatsAnswer } from './run-answer.ts'

const numberAnswer = z.number().nullable()
const sumAnswer = raw(z.number()).nullable()
/** Sums by kind, such as `{cache_read: 5}`. */
const detailsAnswer = raw(z.record(z.string(), z.number())).nullable()

/** RunStats (contracts/langsmith.md 2.6.3). What a request does not select is null. */
export const runStatsAnswer = z.object({
  run_count: wholeAnswer.nullable(),
  latency_p50: numberAnswer,
  latency_p99: numberAnswer,
  latency_avg: numberAnswer,
  first_token_p50: numberAnswer,
  first_token_p99: numberAnswer,
  total_tokens: wholeAnswer.nullable(),
  prompt_tokens: wholeAnswer.nullable(),
  completion_tokens: wholeAnswer.nullable(),
  median_tokens: wholeAnswer.nullable(),
  completion_tokens_p50: wholeAnswer.nullable(),
  prompt_tokens_p50: wholeAnswer.nullable(),
  tokens_p99: wholeAnswer.nullable(),
  completion_tokens_p99: wholeAnswer.nullable(),
  prompt_tokens_p99: wholeAnswer.nullable(),
  last_run_start_time: timeAnswer.nullable(),
  feedback_stats: feedbackStatsAnswer.nullable(),
  run_facets: z.array(z.unknown()).max(0).nullable(),
  error_rate: numberAnswer,
  streaming_rate: numberAnswer,
  total_cost: sumAnswer,
  prompt_cost: sumAnswer,
  completion_cost: sumAnswer,
  cost_p50: numberAnswer,
  cost_p99: numberAnswer,
  prompt_token_details: detailsAnswer,
  completion_token_details: detailsAnswer,
  prompt_cost_details: detailsAnswer,
  completion_cost_details: detailsAnswer,
})

export type RunStatsAnswer = z.output<typeof runStatsAnswer>
