import { sliceMembers } from '../../../domain/json.ts'
import { RawJson, rawJson } from '../../../domain/raw-json.ts'
import type { JsonText } from '../../../domain/entities.ts'
import { toEpochMicros, type Timestamp } from '../../../domain/timestamp.ts'
import type { RunDetailRow, RunRow } from '../../../store/read/runs/runs.ts'
import type { AttachmentUrls } from '../attachments.ts'
import { ancestorIds, formatDottedOrder } from '../../../domain/dotted-order.ts'
import { joinMembers, objectText } from '../object-text.ts'
import { runTypes, type RunAnswer, type RunFieldsAnswer } from './run-answer.ts'
import { usageDetailOf } from './usage-details.ts'

export interface RunFieldOptions {
  /** True: `inputs` and `outputs` are null, and only their previews are shown. */
  isPreview?: boolean
  /** Absent: attachments are not shown. */
  urls?: AttachmentUrls
}

/** The fields that RunSchema and RunSchemaComparisonView share (contracts/langsmith.md 2.1, 2.6.3). */
export function runFields(
  row: RunRow,
  { isPreview = false, urls }: RunFieldOptions = {},
): RunFieldsAnswer {
  const startTime = row.startTime ?? row.createdAt
  return {
    id: row.id,
    name: row.name ?? '',
    run_type: runTypes.find((type) => type === row.runType) ?? 'chain',
    status: row.status,
    start_time: startTime,
    end_time: row.endTime,
    // Python's model refuses null inputs, but not in a preview.
    inputs: isPreview ? null : objectOf(row.inputs ?? '{}', 'input'),
    inputs_preview: row.inputsPreview,
    outputs: isPreview || row.outputs === null ? null : objectOf(row.outputs, 'output'),
    outputs_preview: row.outputsPreview,
    error: errorOf(row),
    extra: extraOf(row),
    serialized: rawJson(row.serialized),
    events: rawJson(row.events),
    tags: row.tags,
    trace_id: row.traceId ?? row.id,
    dotted_order: dottedOrderOf(row, startTime),
    parent_run_id: row.parentRunId,
    execution_order: 1,
    session_id: row.experimentId,
    reference_example_id: row.referenceExampleId,
    total_tokens: row.totalTokens ?? 0,
    prompt_tokens: row.promptTokens ?? 0,
    completion_tokens: row.completionTokens ?? 0,
    total_cost: row.totalCost,
    prompt_cost: row.promptCost,
    completion_cost: row.completionCost,
    feedback_stats: new RawJson(row.feedbackStats ?? '{}'),
    app_path: appPathOf(row),
    manifest_id: null,
    manifest_s3_id: null,
    inputs_s3_urls: null,
    outputs_s3_urls: null,
    s3_urls: urls?.(row.attachments) ?? null,
    trace_min_start_time: row.traceMinStartTime,
    trace_max_start_time: row.traceMaxStartTime,
  }
}

/** RunSchema. @param urls absent: attachments are not shown */
export function runFromRow(row: RunDetailRow, urls?: AttachmentUrls): RunAnswer {
  return {
    ...runFields(row, urls === undefined ? {} : { urls }),
    child_run_ids: row.childRunIds,
    direct_child_run_ids: row.directChildRunIds,
    parent_run_ids: row.dottedOrder === null ? [] : ancestorIds(row.dottedOrder),
    first_token_time: row.firstTokenTime,
    prompt_token_details: rawJson(usageDetailOf(row, 'prompt_token_details')),
    completion_token_details: rawJson(usageDetailOf(row, 'completion_token_details')),
    prompt_cost_details: rawJson(usageDetailOf(row, 'prompt_cost_details')),
    completion_cost_details: rawJson(usageDetailOf(row, 'completion_cost_details')),
    price_model_id: row.priceId,
    reference_dataset_id: row.referenceDatasetId,
    in_dataset: row.inDataset,
    thread_id: row.threadId,
    messages: null,
    share_token: row.shareToken,
    trace_tier: row.traceTier,
    trace_first_received_at: null,
    ttl_seconds: null,
    trace_upgrade: false,
    last_queued_at: null,
  }
}

/** The path of the run's page. */
export function appPathOf(row: Pick<RunRow, 'id' | 'tenantId' | 'experimentId'>): string {
  return `/o/${row.tenantId}/projects/p/${row.experimentId}/r/${row.id}`
}

/** Seconds from start to end; null while either is missing. */
export function latencyOf(row: {
  startTime: Timestamp | null
  endTime: Timestamp | null
}): number | null {
  if (row.startTime === null || row.endTime === null) return null
  return (toEpochMicros(row.endTime) - toEpochMicros(row.startTime)) / 1e6
}

/** `error` as text, or null. Runs from Langfuse's clients tell of an error by their level and status message. */
export function errorOf(
  row: Pick<RunRow, 'error' | 'level' | 'statusMessage'>,
): RawJson | string | null {
  const { error } = row
  if (error === null || error === 'null' || error === '""' || error === 'false') {
    return row.level === 'ERROR' ? (row.statusMessage ?? 'error') : null
  }
  return error.trimStart().startsWith('"') ? new RawJson(error) : error
}

function objectOf(text: JsonText, key: string): RawJson {
  return new RawJson(objectText(text, key))
}

/** `extra` as clients sent it: its metadata and runtime are stored in columns of their own. */
function extraOf({ extra, runtime, metadata }: RunRow): RawJson | null {
  if (extra === null && runtime === null && metadata === null) return null
  const members = sliceMembers(extra ?? '{}')
  if (runtime !== null) members.set('runtime', runtime)
  if (metadata !== null) members.set('metadata', metadata)
  return new RawJson(joinMembers(members))
}

function dottedOrderOf(row: RunRow, startTime: Timestamp | null): string | null {
  if (row.dottedOrder !== null) return row.dottedOrder
  return startTime === null ? null : formatDottedOrder([{ time: startTime, id: row.id }])
}
