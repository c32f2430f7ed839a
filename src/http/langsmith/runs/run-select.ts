import type { RunColumn } from '../../../store/read/runs/run-list.ts'
import type { AttachmentUrls } from '../attachments.ts'
import { alwaysSelected, type SelectedRunAnswer } from './run-answer.ts'
import { runFromRow } from './run-from-row.ts'
import type { RunDetailRow } from '../../../store/read/runs/runs.ts'

/** RunSelect: what a request may select. */
export const runSelectNames = [
  'id',
  'name',
  'run_type',
  'start_time',
  'end_time',
  'status',
  'error',
  'extra',
  'events',
  'inputs',
  'inputs_preview',
  'inputs_s3_urls',
  'inputs_or_signed_url',
  'outputs',
  'outputs_preview',
  'outputs_s3_urls',
  'outputs_or_signed_url',
  's3_urls',
  'error_or_signed_url',
  'events_or_signed_url',
  'extra_or_signed_url',
  'serialized_or_signed_url',
  'parent_run_id',
  'manifest_id',
  'manifest_s3_id',
  'manifest',
  'session_id',
  'serialized',
  'reference_example_id',
  'reference_dataset_id',
  'total_tokens',
  'prompt_tokens',
  'prompt_token_details',
  'completion_tokens',
  'completion_token_details',
  'total_cost',
  'prompt_cost',
  'prompt_cost_details',
  'completion_cost',
  'completion_cost_details',
  'price_model_id',
  'first_token_time',
  'trace_id',
  'dotted_order',
  'last_queued_at',
  'feedback_stats',
  'child_run_ids',
  'direct_child_run_ids',
  'parent_run_ids',
  'tags',
  'in_dataset',
  'app_path',
  'share_token',
  'trace_tier',
  'trace_first_received_at',
  'ttl_seconds',
  'trace_upgrade',
  'thread_id',
  'trace_min_max_start_time',
  'messages',
  'inserted_at',
] as const

export type RunSelectName = (typeof runSelectNames)[number]

/**
 * Names that select other fields, or fields beside their own (contracts/langsmith.md 2.6.3). Runmill signs no URLs of
 * fields, so it answers the field itself. SDKs look for the links to attachments beside inputs and outputs.
 */
const fieldsOfName: Partial<Record<RunSelectName, readonly string[]>> = {
  inputs: ['inputs', 's3_urls'],
  outputs: ['outputs', 's3_urls'],
  inputs_or_signed_url: ['inputs', 's3_urls'],
  outputs_or_signed_url: ['outputs', 's3_urls'],
  total_tokens: ['total_tokens', 'prompt_token_details', 'completion_token_details'],
  prompt_tokens: ['prompt_tokens', 'prompt_token_details'],
  completion_tokens: ['completion_tokens', 'completion_token_details'],
  total_cost: ['total_cost', 'prompt_cost_details', 'completion_cost_details'],
  prompt_cost: ['prompt_cost', 'prompt_cost_details'],
  completion_cost: ['completion_cost', 'completion_cost_details'],
  error_or_signed_url: ['error'],
  events_or_signed_url: ['events'],
  extra_or_signed_url: ['extra'],
  serialized_or_signed_url: ['serialized'],
  manifest: ['serialized'],
  child_run_ids: ['child_run_ids', 'direct_child_run_ids'],
  trace_min_max_start_time: ['trace_min_start_time', 'trace_max_start_time'],
}

/** The optional columns that a field needs. All other fields are made of columns that are always read. */
const columnsOfField: Readonly<Record<string, readonly RunColumn[]>> = {
  inputs: ['inputs'],
  outputs: ['outputs'],
  error: ['error'],
  events: ['events'],
  serialized: ['serialized'],
  extra: ['extra', 'metadata'],
  s3_urls: ['attachments'],
  prompt_token_details: ['usageDetails'],
  completion_token_details: ['usageDetails'],
  prompt_cost_details: ['usageDetails'],
  completion_cost_details: ['usageDetails'],
  child_run_ids: ['relatives'],
  direct_child_run_ids: ['relatives'],
  trace_max_start_time: ['relatives'],
  feedback_stats: ['feedbackStats'],
  reference_dataset_id: ['referenceDatasetId'],
  in_dataset: ['inDataset'],
  share_token: ['shareToken'],
}

/** What to read of a run, and how to show it. */
export interface RunSelection {
  columns: ReadonlySet<RunColumn>
  show(row: RunDetailRow, urls: AttachmentUrls): SelectedRunAnswer
}

/** @param select null selects everything */
export function runSelection(select: readonly RunSelectName[] | null): RunSelection {
  if (select === null)
    return { columns: new Set(Object.values(columnsOfField).flat()), show: runFromRow }
  const fields = new Set([
    ...Object.keys(alwaysSelected),
    ...select.flatMap((name) => fieldsOfName[name] ?? [name]),
  ])
  return {
    columns: new Set([...fields].flatMap((field) => columnsOfField[field] ?? [])),
    show: (row, urls) =>
      Object.fromEntries(
        Object.entries(runFromRow(row, urls)).filter(([name]) => fields.has(name)),
      ) as SelectedRunAnswer,
  }
}
