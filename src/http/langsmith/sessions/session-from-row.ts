import type { JsonText } from '../../../domain/entities.ts'
import { jsonbText, sliceMembers } from '../../../domain/json.ts'
import { RawJson } from '../../../domain/raw-json.ts'
import type { ExperimentRow } from '../../../store/read/experiments/experiment-row.ts'
import type { ExperimentStatistics } from '../../../store/read/experiments/experiments.ts'
import { joinMembers, objectText } from '../object-text.ts'
import type { PlainSessionAnswer, SessionAnswer } from './session-answer.ts'

/** TracerSessionWithoutVirtualFields (contracts/langsmith.md 2.5.1). */
export function sessionFromRow(tenantId: string, row: ExperimentRow): PlainSessionAnswer {
  return {
    id: row.id,
    tenant_id: tenantId,
    name: row.name,
    start_time: row.startTime,
    end_time: row.endTime,
    description: row.description,
    extra: extraOf(row),
    default_dataset_id: row.defaultDatasetId,
    reference_dataset_id: row.datasetId,
    trace_tier: row.traceTier,
    last_run_start_time_live: null,
  }
}

/**
 * TracerSession. `run_count` is always filled, because the SDKs wait until it is right; the other statistics only when
 * they are asked for. Costs are strings and latencies are seconds.
 */
export function sessionWithStatistics(
  tenantId: string,
  row: ExperimentRow,
  statistics: ExperimentStatistics | undefined,
  isFull: boolean,
): SessionAnswer {
  const base = {
    ...sessionFromRow(tenantId, row),
    last_run_start_time_live: statistics?.lastRunStartTime ?? null,
    ...noStatistics,
    run_count: statistics?.runCount ?? 0,
  }
  if (!isFull || statistics === undefined) return base
  const { runCount } = statistics
  return {
    ...base,
    latency_p50: statistics.latencyP50,
    latency_p99: statistics.latencyP99,
    first_token_p50: statistics.firstTokenP50,
    first_token_p99: statistics.firstTokenP99,
    total_tokens: statistics.totalTokens ?? 0,
    prompt_tokens: statistics.promptTokens ?? 0,
    completion_tokens: statistics.completionTokens ?? 0,
    total_cost: statistics.totalCost,
    prompt_cost: statistics.promptCost,
    completion_cost: statistics.completionCost,
    last_run_start_time: statistics.lastRunStartTime,
    feedback_stats: new RawJson(statistics.feedbackStats),
    session_feedback_stats: new RawJson(statistics.experimentFeedbackStats),
    run_facets: [],
    error_rate: runCount === 0 ? null : statistics.errorCount / runCount,
    streaming_rate: runCount === 0 ? null : statistics.streamingCount / runCount,
    test_run_number: statistics.testRunNumber,
  }
}

const noStatistics = {
  latency_p50: null,
  latency_p99: null,
  first_token_p50: null,
  first_token_p99: null,
  total_tokens: null,
  prompt_tokens: null,
  completion_tokens: null,
  total_cost: null,
  prompt_cost: null,
  completion_cost: null,
  last_run_start_time: null,
  feedback_stats: null,
  session_feedback_stats: null,
  run_facets: null,
  error_rate: null,
  streaming_rate: null,
  test_run_number: null,
}

/** `extra` as clients sent it. Its metadata are stored in a column of their own, which is searched. */
function extraOf({ extra, metadata }: ExperimentRow): RawJson | null {
  if (extra === null && metadata === '{}') return null
  const members = sliceMembers(extra ?? '{}')
  members.set('metadata', objectText(metadata, 'metadata'))
  return new RawJson(joinMembers(members))
}

/** Splits `extra` of a request into its two columns. @param text JSON text of an object; null and absent keep */
export function splitExtra(text: JsonText | null | undefined): {
  extra: JsonText | null
  metadata: JsonText | null
} {
  if (text === null || text === undefined || text === 'null') return { extra: null, metadata: null }
  const members = sliceMembers(text)
  const metadata = members.get('metadata') ?? 'null'
  members.delete('metadata')
  return { extra: joinMembers(members), metadata: metadata === 'null' ? '{}' : jsonbText(metadata) }
}
