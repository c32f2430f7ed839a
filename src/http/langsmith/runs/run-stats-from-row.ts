import { RawJson, rawJson } from '../../../domain/raw-json.ts'
import type { RunStatsRow } from '../../../store/read/runs/run-stats.ts'
import type { RunStatsAnswer } from './run-stats-answer.ts'

/** RunStats (contracts/langsmith.md 2.6.3): latencies in seconds, costs as numbers. */
export function runStatsFromRow(row: RunStatsRow): RunStatsAnswer {
  const { runCount } = row
  return {
    run_count: runCount,
    latency_p50: row.latencyP50,
    latency_p99: row.latencyP99,
    latency_avg: row.latencyAvg,
    first_token_p50: row.firstTokenP50,
    first_token_p99: row.firstTokenP99,
    total_tokens: wholeOf(row.totalTokens),
    prompt_tokens: wholeOf(row.promptTokens),
    completion_tokens: wholeOf(row.completionTokens),
    median_tokens: row.totalTokensP50,
    completion_tokens_p50: row.completionTokensP50,
    prompt_tokens_p50: row.promptTokensP50,
    tokens_p99: row.totalTokensP99,
    completion_tokens_p99: row.completionTokensP99,
    prompt_tokens_p99: row.promptTokensP99,
    last_run_start_time: row.lastRunStartTime,
    feedback_stats: new RawJson(row.feedbackStats),
    run_facets: [],
    error_rate: runCount === 0 ? null : row.errorCount / runCount,
    streaming_rate: runCount === 0 ? null : row.streamingCount / runCount,
    // The sum is exact: its digits are copied, so that JavaScript does not round them.
    total_cost: rawJson(row.totalCost),
    prompt_cost: rawJson(row.promptCost),
    completion_cost: rawJson(row.completionCost),
    cost_p50: row.costP50,
    cost_p99: row.costP99,
    prompt_token_details: rawJson(row.promptTokenDetails),
    completion_token_details: rawJson(row.completionTokenDetails),
    prompt_cost_details: rawJson(row.promptCostDetails),
    completion_cost_details: rawJson(row.completionCostDetails),
  }
}

/** Sums of bigint come as numeric: text. */
function wholeOf(sum: number | string | null): RawJson | number {
  return sum === null ? 0 : new RawJson(String(sum))
}
