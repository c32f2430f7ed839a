import { z } from 'zod'
import { addDecimals, parseDecimal } from '../../../domain/decimal.ts'
import type { Decimal, JsonText } from '../../../domain/entities.ts'
import { sliceMembers } from '../../../domain/json.ts'
import { RawJson, rawJson } from '../../../domain/raw-json.ts'
import { runStats, type RunStatsRow } from '../../../store/read/runs/run-stats.ts'
import {
  runListThreadEnds,
  threadListOfProject,
  type ThreadEnds,
  type ThreadQuery,
} from '../../../store/read/runs/project-threads.ts'
import { timeAnswer, uuidAnswer, wholeAnswer } from '../../answer-schemas.ts'
import type { App, Services } from '../../services.ts'
import { readCursor, writeCursor } from '../cursor.ts'
import { costV2Answer, feedbackStatsV2Answer } from '../runs/run-v2-answer.ts'
import { errorPreview, feedbackStatsV2 } from '../runs/run-v2.ts'
import { errorOf } from '../runs/run-from-row.ts'
import { pageAnswer, refuseFields, semanticFields, sendPage } from '../v2.ts'
import { assertProject, readThreadQuery, threadQueryFields } from './thread-query.ts'
import { mapAnswer, wholeOf } from './thread-stats.ts'

const body = z.object({
  ...threadQueryFields,
  ...semanticFields,
  page_size: z.int().min(1).max(100).nullish(),
  cursor: z.string().nullish(),
})

/** A thread, as far as its turns are in the time that was asked for. What has no value is left out. */
const threadAnswer = z.object({
  thread_id: z.string(),
  count: wholeAnswer,
  num_errored_turns: wholeAnswer,
  trace_id: uuidAnswer,
  first_trace_id: uuidAnswer,
  last_trace_id: uuidAnswer,
  start_time: timeAnswer,
  min_start_time: timeAnswer,
  max_start_time: timeAnswer,
  first_inputs: z.string().optional(),
  last_outputs: z.string().optional(),
  last_error: z.string().optional(),
  latency_p50: z.number().optional(),
  latency_p99: z.number().optional(),
  total_tokens: wholeAnswer,
  total_cost: costV2Answer.optional(),
  total_token_details: mapAnswer.optional(),
  total_cost_details: mapAnswer.optional(),
  feedback_stats: feedbackStatsV2Answer,
})

/** `POST /v2/threads/query`: threads of a project, the one with the newest turn first (contracts/langsmith.md 2.10.5). */
export function postV2ThreadsQuery(app: App, services: Services): void {
  const { db } = services
  app.post(
    '/v2/threads/query',
    {
      config: { scope: 'read', errorShape: 'problem' },
      schema: {
        tags: ['threads'],
        summary: 'List threads',
        body,
        response: { 200: pageAnswer(threadAnswer) },
      },
    },
    async (request, reply) => {
      const { principal, body: asked } = request
      refuseFields(asked, 'ai_search', 'sem_filter')
      const query = readThreadQuery(principal.tenantId, asked, services)
      const after = asked.cursor ? readKey(readCursor(principal, list, asked.cursor)) : null
      await assertProject(db, principal.tenantId, query.experimentId)
      const page = await threadListOfProject(db, query, { after, limit: asked.page_size ?? 20 })
      const summaries = await readSummaries(
        services,
        query,
        page.rows.map(({ threadId }) => threadId),
      )
      return sendPage(request, reply, {
        // A thread that was deleted meanwhile has no summary.
        items: page.rows.flatMap(({ threadId }) => summaries.get(threadId) ?? []),
        next_cursor:
          page.next === null
            ? null
            : writeCursor(principal, list, [page.next.startTime, page.next.threadId]),
      })
    },
  )
}

const list = 'threads'

function readKey([startTime = '', threadId = '']: string[]) {
  return { startTime, threadId }
}

async function readSummaries(
  { db }: Pick<Services, 'db'>,
  query: ThreadQuery,
  threadIds: string[],
): Promise<Map<string, z.output<typeof threadAnswer>>> {
  if (threadIds.length === 0) return new Map()
  const { tenantId, experimentId, minStartTime, beforeStartTime } = query
  // The filters choose the threads. The numbers are about all turns in the time.
  const turns = {
    tenantId,
    experimentIds: [experimentId],
    threadIds,
    isRoot: true,
    minStartTime,
    beforeStartTime,
  }
  const groups = {
    by: { attribute: 'thread' },
    only: null,
    order: 'latest',
    limit: threadIds.length,
    offset: 0,
  } as const
  const [rows, ends] = await Promise.all([
    runStats(db, turns, groups, ['feedback', 'details']),
    runListThreadEnds(db, query, threadIds),
  ])
  return new Map(
    rows.flatMap((row) => {
      const end = ends.get(row.groupKey ?? '')
      return end === undefined ? [] : [[end.threadId, threadFromRows(row, end)] as const]
    }),
  )
}

function threadFromRows(row: RunStatsRow, end: ThreadEnds): z.output<typeof threadAnswer> {
  const thread = {
    thread_id: end.threadId,
    count: row.runCount,
    num_errored_turns: row.errorCount,
    trace_id: end.lastTraceId,
    first_trace_id: end.firstTraceId,
    last_trace_id: end.lastTraceId,
    start_time: row.lastRunStartTime,
    min_start_time: row.minStartTime,
    max_start_time: row.lastRunStartTime,
    first_inputs: end.firstInputs,
    last_outputs: end.lastOutputs,
    last_error: errorPreview(
      errorOf({
        error: end.lastFailure,
        level: end.lastFailureLevel,
        statusMessage: end.lastFailureMessage,
      }),
    ),
    latency_p50: row.latencyP50,
    latency_p99: row.latencyP99,
    total_tokens: wholeOf(row.totalTokens),
    total_cost: rawJson(row.totalCost),
    total_token_details: sumsOf(row.promptTokenDetails, row.completionTokenDetails),
    total_cost_details: sumsOf(row.promptCostDetails, row.completionCostDetails),
    feedback_stats: feedbackStatsV2(row.feedbackStats),
  }
  return Object.fromEntries(
    Object.entries(thread).filter(([, value]) => value !== null),
  ) as z.output<typeof threadAnswer>
}

/** Adds two maps by key. @returns null when both are missing */
function sumsOf(...maps: (JsonText | null)[]): Record<string, RawJson> | null {
  const sums = new Map<string, Decimal>()
  for (const map of maps) {
    for (const [key, text] of sliceMembers(map ?? '{}')) {
      const sum = sums.get(key)
      sums.set(key, sum === undefined ? text : sumOf(sum, text))
    }
  }
  if (sums.size === 0) return null
  return Object.fromEntries([...sums].map(([key, text]) => [key, new RawJson(text)]))
}

/** Exact, unless one of them has more digits than any price. */
function sumOf(a: Decimal, b: Decimal): Decimal {
  const [x, y] = [parseDecimal(a), parseDecimal(b)]
  return x === null || y === null ? String(Number(a) + Number(b)) : addDecimals(x, y)
}
