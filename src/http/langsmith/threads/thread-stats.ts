import { z } from 'zod'
import { RawJson, rawJson } from '../../../domain/raw-json.ts'
import type { RunStatsColumn } from '../../../store/read/runs/run-stats-columns.ts'
import type { RunStatsRow } from '../../../store/read/runs/run-stats.ts'
import { raw, timeAnswer, wholeAnswer } from '../../answer-schemas.ts'
import { costV2Answer, detailsV2Answer, feedbackStatsV2Answer } from '../runs/run-v2-answer.ts'
import { detailsV2, feedbackStatsV2 } from '../runs/run-v2.ts'

/*
 * Statistics over the turns of threads, as v2 shows them: costs are numbers, and what has no value is left out
 * (contracts/langsmith.md 2.10.5).
 */

/** Of each statistic: its name in the answer, its schema, and its value, which is null when there is none. */
type Statistics = Readonly<
  Record<string, readonly [name: string, answer: z.ZodType, value: (row: RunStatsRow) => unknown]>
>

/** Tokens or costs by kind, not wrapped. */
export const mapAnswer = raw(z.record(z.string(), z.number()))

export const wholeOf = (sum: number | string | null): RawJson | number =>
  sum === null ? 0 : new RawJson(String(sum))

const rateOf = (count: number, { runCount }: RunStatsRow): number | null =>
  runCount === 0 ? null : count / runCount

/** Statistics that the statistics of one thread and those of all threads share, by the names that select them. */
const shared = {
  LATENCY_P50: ['latency_p50_seconds', z.number(), (row) => row.latencyP50],
  LATENCY_P99: ['latency_p99_seconds', z.number(), (row) => row.latencyP99],
  PROMPT_TOKENS: ['prompt_tokens', wholeAnswer, (row) => wholeOf(row.promptTokens)],
  COMPLETION_TOKENS: ['completion_tokens', wholeAnswer, (row) => wholeOf(row.completionTokens)],
  TOTAL_TOKENS: ['total_tokens', wholeAnswer, (row) => wholeOf(row.totalTokens)],
  PROMPT_COST: ['prompt_cost', costV2Answer, (row) => rawJson(row.promptCost)],
  COMPLETION_COST: ['completion_cost', costV2Answer, (row) => rawJson(row.completionCost)],
  TOTAL_COST: ['total_cost', costV2Answer, (row) => rawJson(row.totalCost)],
} as const satisfies Statistics

/** SingleThreadStatsSelectField. */
export const threadStatistics = {
  TURNS: ['turns', wholeAnswer, (row) => row.runCount],
  FIRST_START_TIME: ['first_start_time', timeAnswer, (row) => row.minStartTime],
  LAST_START_TIME: ['last_start_time', timeAnswer, (row) => row.lastRunStartTime],
  LAST_END_TIME: ['last_end_time', timeAnswer, (row) => row.lastEndTime],
  ...shared,
  PROMPT_TOKEN_DETAILS: [
    'prompt_token_details',
    detailsV2Answer,
    (row) => detailsV2(row.promptTokenDetails),
  ],
  COMPLETION_TOKEN_DETAILS: [
    'completion_token_details',
    detailsV2Answer,
    (row) => detailsV2(row.completionTokenDetails),
  ],
  PROMPT_COST_DETAILS: [
    'prompt_cost_details',
    detailsV2Answer,
    (row) => detailsV2(row.promptCostDetails),
  ],
  COMPLETION_COST_DETAILS: [
    'completion_cost_details',
    detailsV2Answer,
    (row) => detailsV2(row.completionCostDetails),
  ],
  FEEDBACK_STATS: [
    'feedback_stats',
    feedbackStatsV2Answer,
    (row) => feedbackStatsV2(row.feedbackStats),
  ],
} as const satisfies Statistics

/** The names that select statistics over all threads of a project. */
export const threadsStatistics = {
  THREAD_COUNT: ['thread_count', wholeAnswer, (row) => row.threadCount],
  TRACE_COUNT: ['trace_count', wholeAnswer, (row) => row.runCount],
  ERROR_RATE: ['error_rate', z.number(), (row) => rateOf(row.errorCount, row)],
  STREAMING_RATE: ['streaming_rate', z.number(), (row) => rateOf(row.streamingCount, row)],
  MEDIAN_TOKENS: ['median_tokens', wholeAnswer, (row) => row.totalTokensP50],
  FIRST_TOKEN_P50: ['first_token_p50_seconds', z.number(), (row) => row.firstTokenP50],
  FIRST_TOKEN_P99: ['first_token_p99_seconds', z.number(), (row) => row.firstTokenP99],
  ...shared,
  PROMPT_TOKEN_DETAILS: [
    'prompt_token_details',
    mapAnswer,
    (row) => rawJson(row.promptTokenDetails),
  ],
  COMPLETION_TOKEN_DETAILS: [
    'completion_token_details',
    mapAnswer,
    (row) => rawJson(row.completionTokenDetails),
  ],
  PROMPT_COST_DETAILS: ['prompt_cost_details', mapAnswer, (row) => rawJson(row.promptCostDetails)],
  COMPLETION_COST_DETAILS: [
    'completion_cost_details',
    mapAnswer,
    (row) => rawJson(row.completionCostDetails),
  ],
} as const satisfies Statistics

/** The names by which a request selects statistics. */
export function namesOf(statistics: Statistics): [string, ...string[]] {
  return Object.keys(statistics) as [string, ...string[]]
}

export function statisticsAnswer(statistics: Statistics): z.ZodType<Record<string, unknown>> {
  const shape = Object.values(statistics).map(([name, answer]) => [name, answer] as const)
  return z.object(Object.fromEntries(shape)).partial()
}

/** The selected statistics that have a value. */
export function selectStatistics(
  statistics: Statistics,
  selects: readonly string[],
  row: RunStatsRow,
): Record<string, unknown> {
  return Object.fromEntries(
    [...new Set(selects)]
      .map((select) => statistics[select]!)
      .map(([name, , value]) => [name, value(row)])
      .filter(([, value]) => value !== null),
  )
}

/** What else has to be read for these statistics. */
export function columnsOf(selects: readonly string[]): RunStatsColumn[] {
  return [
    ...(selects.includes('FEEDBACK_STATS') ? ['feedback' as const] : []),
    ...(selects.some((name) => name.endsWith('_DETAILS')) ? ['details' as const] : []),
  ]
}
