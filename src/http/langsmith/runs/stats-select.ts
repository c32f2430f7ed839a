import type { RunStatsAnswer } from './run-stats-answer.ts'

/** RunStatsSelect: the statistics that a request may select. */
export const statsSelectNames = [
  'run_count',
  'latency_p50',
  'latency_p99',
  'latency_avg',
  'first_token_p50',
  'first_token_p99',
  'total_tokens',
  'prompt_tokens',
  'completion_tokens',
  'median_tokens',
  'completion_tokens_p50',
  'prompt_tokens_p50',
  'tokens_p99',
  'completion_tokens_p99',
  'prompt_tokens_p99',
  'last_run_start_time',
  'feedback_stats',
  'thread_feedback_stats',
  'run_facets',
  'error_rate',
  'streaming_rate',
  'total_cost',
  'prompt_cost',
  'completion_cost',
  'cost_p50',
  'cost_p99',
  'session_feedback_stats',
  'all_run_stats',
  'all_token_stats',
  'prompt_token_details',
  'completion_token_details',
  'prompt_cost_details',
  'completion_cost_details',
] as const

/**
 * Whether a statistic is selected. An empty selection selects all, and so does `all_run_stats`. `all_token_stats`
 * selects all that count tokens or costs.
 */
export function isStatSelected(
  select: readonly string[] | null | undefined,
  name: string,
): boolean {
  if (!select || select.length === 0) return true
  if (select.includes(name) || select.includes('all_run_stats')) return true
  return select.includes('all_token_stats') && /tokens|token_details|cost/.test(name)
}

/** The statistics as they are answered: those that are not selected are null. */
export function selectStats(
  statistics: RunStatsAnswer,
  select: readonly string[] | null | undefined,
): RunStatsAnswer {
  return Object.fromEntries(
    Object.entries(statistics).map(([name, value]) => [
      name,
      isStatSelected(select, name) ? value : null,
    ]),
  ) as RunStatsAnswer
}
