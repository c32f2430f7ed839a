import { z } from 'zod'
import {
  anyAnswer,
  decimalAnswer,
  objectAnswer,
  raw,
  timeAnswer,
  uuidAnswer,
  wholeAnswer,
} from '../../answer-schemas.ts'
import { attachmentUrlsAnswer } from '../attachments.ts'

/**
 * The seven types that LangSmith's clients know. Other types, which come from Langfuse's clients, are shown as a chain.
 */
export const runTypes = [
  'tool',
  'chain',
  'llm',
  'retriever',
  'embedding',
  'prompt',
  'parser',
] as const

/** `{key: {n, avg, values}}` (contracts/langsmith.md 2.7.4). */
export const feedbackStatsAnswer = raw(
  z.record(
    z.string(),
    z.object({
      n: wholeAnswer,
      avg: z.number().nullable(),
      values: z.record(z.string(), wholeAnswer),
    }),
  ),
)

/** Counts of tokens by kind, such as `{cache_read: 5}`. */
const tokenDetailsAnswer = raw(z.record(z.string(), z.number()))
/** Costs by kind, such as `{cache_read: "0.00001"}`. */
const costDetailsAnswer = raw(z.record(z.string(), decimalAnswer))

/** The fields that RunSchema and RunSchemaComparisonView share (contracts/langsmith.md 2.1, 2.6.3). */
export const runFieldsAnswer = z.object({
  id: uuidAnswer,
  name: z.string(),
  run_type: z.enum(runTypes),
  status: z.enum(['success', 'error', 'pending']),
  start_time: timeAnswer.nullable(),
  end_time: timeAnswer.nullable(),
  inputs: objectAnswer.nullable(),
  inputs_preview: z.string().nullable(),
  outputs: objectAnswer.nullable(),
  outputs_preview: z.string().nullable(),
  error: raw(z.string()).nullable(),
  extra: objectAnswer.nullable(),
  serialized: objectAnswer.nullable(),
  events: raw(z.array(anyAnswer)).nullable(),
  tags: z.array(z.string()).nullable(),
  trace_id: uuidAnswer,
  dotted_order: z.string().nullable(),
  parent_run_id: uuidAnswer.nullable(),
  execution_order: z.literal(1),
  session_id: uuidAnswer,
  reference_example_id: uuidAnswer.nullable(),
  total_tokens: wholeAnswer,
  prompt_tokens: wholeAnswer,
  completion_tokens: wholeAnswer,
  total_cost: decimalAnswer.nullable(),
  prompt_cost: decimalAnswer.nullable(),
  completion_cost: decimalAnswer.nullable(),
  feedback_stats: feedbackStatsAnswer,
  app_path: z.string(),
  manifest_id: z.null(),
  manifest_s3_id: z.null(),
  inputs_s3_urls: z.null(),
  outputs_s3_urls: z.null(),
  s3_urls: attachmentUrlsAnswer,
  trace_min_start_time: timeAnswer.nullable(),
  trace_max_start_time: timeAnswer.nullable(),
})

export type RunFieldsAnswer = z.output<typeof runFieldsAnswer>

/** RunSchema. */
export const runAnswer = runFieldsAnswer.extend({
  child_run_ids: z.array(uuidAnswer),
  direct_child_run_ids: z.array(uuidAnswer),
  parent_run_ids: z.array(uuidAnswer),
  first_token_time: timeAnswer.nullable(),
  prompt_token_details: tokenDetailsAnswer.nullable(),
  completion_token_details: tokenDetailsAnswer.nullable(),
  prompt_cost_details: costDetailsAnswer.nullable(),
  completion_cost_details: costDetailsAnswer.nullable(),
  price_model_id: uuidAnswer.nullable(),
  reference_dataset_id: uuidAnswer.nullable(),
  in_dataset: z.boolean(),
  thread_id: z.string().nullable(),
  messages: z.null(),
  share_token: uuidAnswer.nullable(),
  trace_tier: z.string().nullable(),
  trace_first_received_at: z.null(),
  ttl_seconds: z.null(),
  trace_upgrade: z.boolean(),
  last_queued_at: z.null(),
})

export type RunAnswer = z.output<typeof runAnswer>

/** Fields that are answered whatever is selected (contracts/langsmith.md 2.6.3). */
export const alwaysSelected = {
  id: true,
  name: true,
  run_type: true,
  start_time: true,
  trace_id: true,
  parent_run_id: true,
  session_id: true,
  dotted_order: true,
  status: true,
  app_path: true,
} as const

/** A run of which a request selects fields. */
export const selectedRunAnswer = runAnswer.partial().required(alwaysSelected)

export type SelectedRunAnswer = z.output<typeof selectedRunAnswer>

/** RunPublicSchema leaves out where a run is stored, and how it relates to anything else. */
export const publicRunAnswer = runAnswer.omit({
  session_id: true,
  app_path: true,
  last_queued_at: true,
  in_dataset: true,
  share_token: true,
  trace_tier: true,
  trace_first_received_at: true,
  ttl_seconds: true,
  trace_upgrade: true,
  reference_dataset_id: true,
  thread_id: true,
})

export type PublicRunAnswer = z.output<typeof publicRunAnswer>

/** A page of a v1 list of such runs. */
export function runPageAnswer<Run extends z.ZodType>(run: Run) {
  return z.object({
    runs: z.array(run),
    cursors: z.object({ next: z.string().nullable(), prev: z.null() }),
    parsed_query: z.null(),
  })
}
