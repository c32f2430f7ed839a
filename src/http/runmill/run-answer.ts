import { z } from 'zod'
import { RawJson, rawJson } from '../../domain/raw-json.ts'
import { toEpochMicros } from '../../domain/timestamp.ts'
import type { FeedbackRow } from '../../store/read/feedback/feedback.ts'
import type { RunDetailRow } from '../../store/read/runs/runs.ts'
import { anyAnswer, timeAnswer, uuidAnswer } from '../answer-schemas.ts'

/** Of an error in a list, so much is shown. */
const shownErrorLength = 500

export const shortRunAnswer = z
  .object({
    id: uuidAnswer,
    trace_id: uuidAnswer.nullable(),
    parent_run_id: uuidAnswer.nullable(),
    experiment_id: uuidAnswer,
    name: z.string().nullable(),
    run_type: z.string().nullable(),
    status: z.enum(['success', 'error', 'pending']),
    start_time: timeAnswer.nullable(),
    end_time: timeAnswer.nullable(),
    latency: z.number().nullable().describe('Seconds'),
    tokens: z.number().nullable().describe('Of a root run: of its whole trace'),
    prompt_tokens: z.number().nullable(),
    completion_tokens: z.number().nullable(),
    cost: z.number().nullable().describe('Of a root run: of its whole trace'),
    error: z.string().nullable().describe('The beginning of it'),
    inputs_preview: z.string().nullable(),
    outputs_preview: z.string().nullable(),
    tags: z.array(z.string()),
    thread_id: z.string().nullable(),
    reference_example_id: uuidAnswer.nullable(),
  })
  .meta({ id: 'RunmillRun' })

export function shortRunFromRow(row: RunDetailRow): z.output<typeof shortRunAnswer> {
  const { startTime, endTime } = row
  return {
    id: row.id,
    trace_id: row.traceId,
    parent_run_id: row.parentRunId,
    experiment_id: row.experimentId,
    name: row.name,
    run_type: row.runType,
    status: row.status,
    start_time: startTime,
    end_time: endTime,
    latency:
      startTime === null || endTime === null
        ? null
        : (toEpochMicros(endTime) - toEpochMicros(startTime)) / 1e6,
    tokens: row.totalTokens,
    prompt_tokens: row.promptTokens,
    completion_tokens: row.completionTokens,
    cost: row.totalCost === null ? null : Number(row.totalCost),
    error: errorTextOf(row)?.slice(0, shownErrorLength).toWellFormed() ?? null,
    inputs_preview: row.inputsPreview,
    outputs_preview: row.outputsPreview,
    tags: row.tags ?? [],
    thread_id: row.threadId,
    reference_example_id: row.referenceExampleId,
  }
}

/** What a run says of its failure; null for one that has not failed. */
export function errorTextOf({
  status,
  error,
  statusMessage,
}: Pick<RunDetailRow, 'status' | 'error' | 'statusMessage'>): string | null {
  if (status !== 'error') return null
  if (error === null || error === 'null' || error === '""' || error === 'false')
    return statusMessage ?? 'error'
  const value: unknown = error.trimStart().startsWith('"') ? JSON.parse(error) : error
  return String(value)
}

export const scoreAnswer = z
  .object({
    id: uuidAnswer,
    run_id: uuidAnswer.nullable(),
    key: z.string(),
    score: anyAnswer,
    value: anyAnswer,
    comment: z.string().nullable().describe('The reason'),
    correction: anyAnswer,
    source: z.string().nullable(),
    created_at: timeAnswer.nullable(),
  })
  .meta({ id: 'RunmillScore' })

export function scoreFromRow(row: FeedbackRow): z.output<typeof scoreAnswer> {
  return {
    id: row.id,
    run_id: row.runId,
    key: row.key ?? '',
    score: rawJson(row.score),
    value: rawJson(row.value),
    comment: row.comment,
    correction: rawJson(row.correction),
    source: row.sourceType,
    created_at: row.createdAt,
  }
}

/** JSON that was stored as null is as good as none. */
export function payloadOf(text: string | null): RawJson | null {
  return text === null || text === 'null' ? null : new RawJson(text)
}
