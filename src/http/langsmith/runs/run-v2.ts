import type { FastifyRequest } from 'fastify'
import type { JsonText } from '../../../domain/entities.ts'
import { sliceMembers } from '../../../domain/json.ts'
import { RawJson } from '../../../domain/raw-json.ts'
import type { RunColumn } from '../../../store/read/runs/run-list.ts'
import type { RunDetailRow } from '../../../store/read/runs/runs.ts'
import { baseUrl } from '../../blobs.ts'
import type { Services } from '../../services.ts'
import { attachmentUrls, type AttachmentUrls } from '../attachments.ts'
import { joinMembers } from '../object-text.ts'
import type { RunAnswer } from './run-answer.ts'
import { latencyOf, runFromRow } from './run-from-row.ts'
import type { RunV2Answer } from './run-v2-answer.ts'
import { usageDetailOf, type UsageDetailName } from './usage-details.ts'

/** Characters of an error's preview; other previews have the same length. */
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

type Value = (run: RunAnswer, row: RunDetailRow, context: RunV2Context) => unknown

/** The value of a field of v1. */
function v1(name: keyof RunAnswer): Value {
  return (run) => run[name] ?? null
}

/**
 * RunSelectField: for each name that a request may select, the optional columns it needs and its value. The answer has
 * the name in lower case. Enums are in upper case, costs are numbers, and what has no value is left out
 * (contracts/langsmith.md 2.10.1).
 */
const fields = {
  ID: [[], v1('id')],
  NAME: [[], v1('name')],
  RUN_TYPE: [[], (run) => run.run_type.toUpperCase()],
  STATUS: [[], (_, row) => row.status.toUpperCase()],
  START_TIME: [[], v1('start_time')],
  END_TIME: [[], v1('end_time')],
  LATENCY_SECONDS: [[], (_, row) => latencyOf(row)],
  FIRST_TOKEN_TIME: [[], v1('first_token_time')],
  ERROR: [['error'], v1('error')],
  ERROR_PREVIEW: [['error'], (run) => errorPreview(run.error)],
  EXTRA: [['extra', 'metadata'], v1('extra')],
  METADATA: [['metadata'], (_, row) => new RawJson(row.metadata ?? '{}')],
  EVENTS: [['events'], v1('events')],
  INPUTS: [['inputs'], v1('inputs')],
  INPUTS_PREVIEW: [[], v1('inputs_preview')],
  OUTPUTS: [['outputs'], v1('outputs')],
  OUTPUTS_PREVIEW: [[], v1('outputs_preview')],
  MANIFEST: [['serialized'], v1('serialized')],
  PARENT_RUN_ID: [[], v1('parent_run_id')],
  PARENT_RUN_IDS: [[], v1('parent_run_ids')],
  PROJECT_ID: [[], v1('session_id')],
  TRACE_ID: [[], v1('trace_id')],
  THREAD_ID: [[], v1('thread_id')],
  DOTTED_ORDER: [[], v1('dotted_order')],
  IS_ROOT: [[], (_, row) => row.parentRunId === null],
  REFERENCE_EXAMPLE_ID: [[], v1('reference_example_id')],
  REFERENCE_DATASET_ID: [['referenceDatasetId'], v1('reference_dataset_id')],
  TOTAL_TOKENS: [[], v1('total_tokens')],
  PROMPT_TOKENS: [[], v1('prompt_tokens')],
  COMPLETION_TOKENS: [[], v1('completion_tokens')],
  TOTAL_COST: [[], (_, row) => numberOf(row.totalCost)],
  PROMPT_COST: [[], (_, row) => numberOf(row.promptCost)],
  COMPLETION_COST: [[], (_, row) => numberOf(row.completionCost)],
  PROMPT_TOKEN_DETAILS: [['usageDetails'], details('prompt_token_details')],
  COMPLETION_TOKEN_DETAILS: [['usageDetails'], details('completion_token_details')],
  PROMPT_COST_DETAILS: [['usageDetails'], details('prompt_cost_details')],
  COMPLETION_COST_DETAILS: [['usageDetails'], details('completion_cost_details')],
  PRICE_MODEL_ID: [[], v1('price_model_id')],
  TAGS: [[], v1('tags')],
  APP_PATH: [[], v1('app_path')],
  ATTACHMENTS: [['attachments'], (_, row, context) => attachments(row, context)],
  THREAD_EVALUATION_TIME: [[], () => null],
  IS_IN_DATASET: [['inDataset'], v1('in_dataset')],
  LAST_QUEUED_AT: [[], () => null],
  SHARE_URL: [['shareToken'], (_, row, context) => shareUrl(row, context)],
  FEEDBACK_STATS: [['feedbackStats'], (_, row) => feedbackStatsV2(row.feedbackStats)],
  LS_USER_ID: [[], () => null],
} satisfies Record<string, [columns: RunColumn[], value: Value]> as Readonly<
  Record<string, [columns: RunColumn[], value: Value]>
>

const names = Object.keys(fields)

/** What a request that has a key may select. */
export const runSelectFields = names.filter((name) => name !== 'PARENT_RUN_ID') as [
  string,
  ...string[],
]

/** What whoever has the token of a share may not select (contracts/langsmith.md 2.10.6). */
const keptFromPublic = new Set([
  'INPUTS',
  'OUTPUTS',
  'EVENTS',
  'MANIFEST',
  'ATTACHMENTS',
  'SHARE_URL',
  'APP_PATH',
  'REFERENCE_EXAMPLE_ID',
  'IS_IN_DATASET',
  'LAST_QUEUED_AT',
  'LS_USER_ID',
])

export const publicSelectFields = names.filter((name) => !keptFromPublic.has(name)) as [
  string,
  ...string[],
]

/** What to read of a run, and how to show it. */
export interface RunV2Selection {
  columns: ReadonlySet<RunColumn>
  show(row: RunDetailRow, context: RunV2Context): RunV2Answer
}

/** @param selects names of `runSelectFields`; without any, only the id is shown */
export function runV2Selection(selects: readonly string[] | null | undefined): RunV2Selection {
  const names = [...new Set(selects ?? [])]
  const chosen = (names.length === 0 ? ['ID'] : names).map(
    (name) => [name.toLowerCase(), ...fields[name]!] as const,
  )
  return {
    columns: new Set(chosen.flatMap(([, columns]) => columns)),
    show: (row, context) => {
      const run = runFromRow(row)
      return Object.fromEntries(
        chosen
          .map(([name, , value]) => [name, value(run, row, context)])
          .filter(([, value]) => value !== null),
      ) as RunV2Answer
    },
  }
}

export function errorPreview(error: unknown): string | null {
  const text: unknown = error instanceof RawJson ? JSON.parse(error.text) : error
  return typeof text === 'string' ? text.slice(0, errorPreviewLength) : null
}

function numberOf(decimal: string | null): RawJson | null {
  return decimal === null ? null : new RawJson(decimal)
}

/** `{raw: {<name>: number}}`. Costs are stored as strings. */
function details(name: UsageDetailName): Value {
  return (_, row) => {
    return detailsV2(usageDetailOf(row, name))
  }
}

/** @param stored JSON text of an object, or null */
export function detailsV2(stored: JsonText | null): { raw: Record<string, RawJson> } | null {
  if (stored === null) return null
  const members = [...sliceMembers(stored)].map(([key, text]) => [
    key,
    new RawJson(text.startsWith('"') ? text.slice(1, -1) : text),
  ])
  return { raw: Object.fromEntries(members) as Record<string, RawJson> }
}

/** `{key: {n, avg, values}}`, without the average where no score is a number. */
export function feedbackStatsV2(stored: JsonText | null): RawJson {
  const keys = new Map<string, JsonText>()
  for (const [key, text] of sliceMembers(stored ?? '{}')) {
    const members = sliceMembers(text)
    if (members.get('avg') === 'null') members.delete('avg')
    keys.set(key, joinMembers(members))
  }
  return new RawJson(joinMembers(keys))
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
