import { z } from 'zod'
import { decimalAnswer, timeAnswer, wholeAnswer } from '../../answer-schemas.ts'
import { feedbackStatsAnswer } from '../runs/run-answer.ts'
import { sessionAnswer } from '../sessions/session-answer.ts'
import { comparisonAnswer } from './comparison-answer.ts'

/** The numbers of a group over all sessions (contracts/langsmith.md 2.2). */
const groupNumbersAnswer = z.object({
  example_count: wholeAnswer,
  count: wholeAnswer,
  total_tokens: wholeAnswer,
  prompt_tokens: wholeAnswer,
  completion_tokens: wholeAnswer,
  total_cost: decimalAnswer.nullable(),
  prompt_cost: decimalAnswer.nullable(),
  completion_cost: decimalAnswer.nullable(),
  min_start_time: timeAnswer.nullable(),
  max_start_time: timeAnswer.nullable(),
  latency_p50: z.number().nullable(),
  latency_p99: z.number().nullable(),
  error_rate: z.number().nullable(),
  feedback_stats: feedbackStatsAnswer,
})

export type GroupNumbersAnswer = z.output<typeof groupNumbersAnswer>

/** GroupedRunsSessionStats: a session with statistics over its runs in the group. */
const groupSessionAnswer = sessionAnswer.extend({
  example_count: wholeAnswer,
  filter: z.string(),
  min_start_time: timeAnswer.nullable(),
  max_start_time: timeAnswer.nullable(),
})

export type GroupSessionAnswer = z.output<typeof groupSessionAnswer>

/** A group of runs that have a metadata value in common. */
export const groupAnswer = z.object({
  group_key: z.union([z.string(), z.number()]),
  filter: z.string(),
  ...groupNumbersAnswer.shape,
  sessions: z.array(groupSessionAnswer),
  examples: z.array(comparisonAnswer),
})

export type GroupAnswer = z.output<typeof groupAnswer>
