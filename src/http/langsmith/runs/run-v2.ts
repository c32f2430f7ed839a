import type { FastifyRequest } from 'fastify'
import { RawJson, sliceMembers } from '../../../domain/json.ts'
import type { RunPart } from '../../../store/read/runs/run-list.ts'
import type { RunDetailRow } from '../../../store/read/runs/runs.ts'
import { baseUrl } from '../../blobs.ts'
import type { Services } from '../../services.ts'
import { attachmentUrls, type AttachmentUrls } from '../attachments.ts'
import { latencyOf, runFromRow } from './run-from-row.ts'
import { usageDetailOf, type UsageDetailName } from './usage-details.ts'

/** Characters of an error's preview, as of the other previews. */
const errorPreviewLength = 500

/** What an answer needs to make links that the sender of the request can follow. */
export interface RunV2Context {
  /** Where clients reach this server. */
  baseUrl: string
  urls: AttachmentUrls
}

export function runV2Context(services: Services, request: FastifyRequest): RunV2Context {
  return { baseUrl: baseUrl(services, request), urls: attachmentUrls(services, request) }
}

type Value = (run: Record<string, unknown>, row: RunDetailRow, context: RunV2Context) => unknown

/** The v1 field of that name. */
function same(name: string): Value {
  return (run) => run[name] ?? null
}

/**
 * RunSelectField: by what a request calls a field, what it costs to read, and its value. A field's own name is the
 * same in lower case. Enums are in upper case, costs are numbers (contracts/langsmith.md 2.10).
 */
const fields = {
  ID: [[], same('id')],
  NAME: [[], same('name')],
  RUN_TYPE: [[], (run) => String(run['run_type']).toUpperCase()],
  STATUS: [[], (_, row) => row.status.toUpperCase()],
  START_TIME: [[], same('start_time')],
  END_TIME: [[], same('end_time')],
  LATENCY_SECONDS: [[], (_, row) => latencyOf(row)],
  FIRST_TOKEN_TIME: [[], same('first_token_time')],
  ERROR: [['error'], same('error')],
  ERROR_PREVIEW: [['error'], (run) => errorPreview(run['error'])],
  EXTRA: [['extra', 'metadata'], same('extra')],
  METADATA: [['metadata'], (_, row) => new RawJson(row.metadata ?? '{}')],
  EVENTS: [['events'], same('events')],
  INPUTS: [['inputs'], same('inputs')],
  INPUTS_PREVIEW: [[], same('inputs_preview')],
  OUTPUTS: [['outputs'], same('outputs')],
  OUTPUTS_PREVIEW: [[], same('outputs_preview')],
  MANIFEST: [['serialized'], same('serialized')],
  PARENT_RUN_IDS: [[], same('parent_run_ids')],
  PROJECT_ID: [[], same('session_id')],
  TRACE_ID: [[], same('trace_id')],
  THREAD_ID: [[], same('thread_id')],
  DOTTED_ORDER: [[], same('dotted_order')],
  IS_ROOT: [[], (_, row) => row.parentRunId === null],
  REFERENCE_EXAMPLE_ID: [[], same('reference_example_id')],
  REFERENCE_DATASET_ID: [['referenceDatasetId'], same('reference_dataset_id')],
  TOTAL_TOKENS: [[], same('total_tokens')],
  PROMPT_TOKENS: [[], same('prompt_tokens')],
  COMPLETION_TOKENS: [[], same('completion_tokens')],
  TOTAL_COST: [[], (_, row) => numberOf(row.totalCost)],
  PROMPT_COST: [[], (_, row) => numberOf(row.promptCost)],
  COMPLETION_COST: [[], (_, row) => numberOf(row.completionCost)],
  PROMPT_TOKEN_DETAILS: [['usageDetails'], details('prompt_token_details')],
  COMPLETION_TOKEN_DETAILS: [['usageDetails'], details('completion_token_details')],
  PROMPT_COST_DETAILS: [['usageDetails'], details('prompt_cost_details')],
  COMPLETION_COST_DETAILS: [['usageDetails'], details('completion_cost_details')],
  PRICE_MODEL_ID: [[], same('price_model_id')],
  TAGS: [[], same('tags')],
  APP_PATH: [[], same('app_path')],
  ATTACHMENTS: [['attachments'], (_, row, context) => attachments(row, context)],
  THREAD_EVALUATION_TIME: [[], () => null],
  IS_IN_DATASET: [['inDataset'], same('in_dataset')],
  LAST_QUEUED_AT: [[], () => null],
  SHARE_URL: [['shareToken'], (_, row, context) => shareUrl(row, context)],
  FEEDBACK_STATS: [['feedbackStats'], same('feedback_stats')],
  LS_USER_ID: [[], () => null],
} satisfies Record<string, [parts: RunPart[], value: Value]> as Readonly<
  Record<string, [parts: RunPart[], value: Value]>
>

export const runSelectFields = Object.keys(fields) as [string, ...string[]]

/** How a run is shown. */
export interface RunV2Selection {
  parts: ReadonlySet<RunPart>
  show(row: RunDetailRow, context: RunV2Context): Record<string, unknown>
}

/** @param selects of `runSelectFields`; nothing: the id alone */
export function runV2Selection(selects: readonly string[] | null | undefined): RunV2Selection {
  const names = [...new Set(selects ?? [])]
  const chosen = (names.length === 0 ? ['ID'] : names).map(
    (name) => [name.toLowerCase(), ...fields[name]!] as const,
  )
  return {
    parts: new Set(chosen.flatMap(([, parts]) => parts)),
    show: (row, context) => {
      const run = runFromRow(row)
      return Object.fromEntries(chosen.map(([name, , value]) => [name, value(run, row, context)]))
    },
  }
}

function errorPreview(error: unknown): string | null {
  const text: unknown = error instanceof RawJson ? JSON.parse(error.text) : error
  return typeof text === 'string' ? text.slice(0, errorPreviewLength) : null
}

function numberOf(decimal: string | null): RawJson | null {
  return decimal === null ? null : new RawJson(decimal)
}

/** `{raw: {<category>: number}}`; costs are stored as texts. */
function details(name: UsageDetailName): Value {
  return (_, row) => {
    const stored = usageDetailOf(row, name)
    if (stored === null) return null
    const members = [...sliceMembers(stored)].map(([key, text]) => [
      key,
      new RawJson(text.startsWith('"') ? text.slice(1, -1) : text),
    ])
    return { raw: Object.fromEntries(members) as Record<string, RawJson> }
  }
}

function attachments(row: RunDetailRow, { urls }: RunV2Context): Record<string, string> | null {
  const links = Object.entries(urls(row.attachments ?? null) ?? {})
  if (links.length === 0) return null
  return Object.fromEntries(
    links.map(([name, link]) => [name.replace(/^attachment\./, ''), link.presigned_url]),
  )
}

function shareUrl(row: RunDetailRow, context: RunV2Context): string | null {
  return row.shareToken === null ? null : `${context.baseUrl}/public/${row.shareToken}/run`
}
