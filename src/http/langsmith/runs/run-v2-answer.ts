import { z } from 'zod'
import {
  anyAnswer,
  objectAnswer,
  raw,
  timeAnswer,
  uuidAnswer,
  wholeAnswer,
} from '../../answer-schemas.ts'
import { runTypes } from './run-answer.ts'

export const costV2Answer = raw(z.number())

/** Tokens or costs by kind. */
export const detailsV2Answer = z.object({ raw: z.record(z.string(), raw(z.number())) })

/** `{key: {n, avg, values}}` (contracts/langsmith.md 2.7.4). Without a numeric score there is no average. */
export const feedbackStatsV2Answer = raw(
  z.record(
    z.string(),
    z.object({
      n: wholeAnswer,
      avg: z.number().optional(),
      values: z.record(z.string(), wholeAnswer),
    }),
  ),
)

/**
 * A run of v2. It has the fields that the request selects and that have a value; none is null
 * (contracts/langsmith.md 2.10.1).
 */
export const runV2Answer = z
  .object({
    id: uuidAnswer,
    name: z.string(),
    run_type: z.enum(runTypes.map((type) => type.toUpperCase())),
    status: z.enum(['SUCCESS', 'ERROR', 'PENDING']),
    start_time: timeAnswer,
    end_time: timeAnswer,
    latency_seconds: z.number(),
    first_token_time: timeAnswer,
    error: raw(z.string()),
    error_preview: z.string(),
    extra: objectAnswer,
    metadata: objectAnswer,
    events: raw(z.array(anyAnswer)),
    inputs: objectAnswer,
    inputs_preview: z.string(),
    outputs: objectAnswer,
    outputs_preview: z.string(),
    manifest: objectAnswer,
    parent_run_id: uuidAnswer,
    parent_run_ids: z.array(uuidAnswer),
    project_id: uuidAnswer,
    trace_id: uuidAnswer,
    thread_id: z.string(),
    dotted_order: z.string(),
    is_root: z.boolean(),
    reference_example_id: uuidAnswer,
    reference_dataset_id: uuidAnswer,
    total_tokens: wholeAnswer,
    prompt_tokens: wholeAnswer,
    completion_tokens: wholeAnswer,
    total_cost: costV2Answer,
    prompt_cost: costV2Answer,
    completion_cost: costV2Answer,
    prompt_token_details: detailsV2Answer,
    completion_token_details: detailsV2Answer,
    prompt_cost_details: detailsV2Answer,
    completion_cost_details: detailsV2Answer,
    price_model_id: uuidAnswer,
    tags: z.array(z.string()),
    app_path: z.string(),
    attachments: z.record(z.string(), z.string()),
    is_in_dataset: z.boolean(),
    share_url: z.string(),
    feedback_stats: feedbackStatsV2Answer,
  })
  .partial()

export type RunV2Answer = z.output<typeof runV2Answer>
