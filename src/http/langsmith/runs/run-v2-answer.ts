import { z } from 'zod'
import { objectAnswer, raw, uuidAnswer } from '../../answer-schemas.ts'
import { runAnswer, runTypes } from './run-answer.ts'

const costAnswer = raw(z.number()).nullable()
const detailsAnswer = z.object({ raw: z.record(z.string(), raw(z.number())) }).nullable()

/** A run of v2. It has the fields that the request selects (contracts/langsmith.md 2.10.1). */
export const runV2Answer = z
  .object({
    ...runAnswer.pick({
      id: true,
      name: true,
      start_time: true,
      end_time: true,
      first_token_time: true,
      error: true,
      extra: true,
      events: true,
      inputs: true,
      inputs_preview: true,
      outputs: true,
      outputs_preview: true,
      parent_run_ids: true,
      trace_id: true,
      thread_id: true,
      dotted_order: true,
      reference_example_id: true,
      reference_dataset_id: true,
      total_tokens: true,
      prompt_tokens: true,
      completion_tokens: true,
      price_model_id: true,
      tags: true,
      app_path: true,
      feedback_stats: true,
      last_queued_at: true,
    }).shape,
    run_type: z.enum(runTypes.map((type) => type.toUpperCase())),
    status: z.enum(['SUCCESS', 'ERROR', 'PENDING']),
    latency_seconds: z.number().nullable(),
    error_preview: z.string().nullable(),
    metadata: objectAnswer,
    manifest: objectAnswer.nullable(),
    project_id: uuidAnswer,
    is_root: z.boolean(),
    total_cost: costAnswer,
    prompt_cost: costAnswer,
    completion_cost: costAnswer,
    prompt_token_details: detailsAnswer,
    completion_token_details: detailsAnswer,
    prompt_cost_details: detailsAnswer,
    completion_cost_details: detailsAnswer,
    attachments: z.record(z.string(), z.string()).nullable(),
    thread_evaluation_time: z.null(),
    is_in_dataset: z.boolean(),
    share_url: z.string().nullable(),
    ls_user_id: z.null(),
  })
  .partial()

export type RunV2Answer = z.output<typeof runV2Answer>
