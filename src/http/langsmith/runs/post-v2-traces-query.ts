import { z } from 'zod'
import { RawJson } from '../../../domain/raw-json.ts'
import { experimentFind } from '../../../store/read/experiments/experiments.ts'
import { runList, type RunColumn } from '../../../store/read/runs/run-list.ts'
import type { RunQuery } from '../../../store/read/runs/run-query-sql.ts'
import type { RunDetailRow } from '../../../store/read/runs/runs.ts'
import { timeAnswer, wholeAnswer } from '../../answer-schemas.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { time, uuid } from '../schemas.ts'
import {
  dayAgo,
  feedbackWindowFields,
  pageAnswer,
  readFeedbackWindow,
  refuseFields,
  semanticFields,
  sendPage,
} from '../v2.ts'
import { readRunCursor, writeRunCursor } from './run-cursor.ts'
import { readRunFilter } from './run-query-body.ts'
import { costV2Answer, runV2Answer } from './run-v2-answer.ts'
import { runSelectFields, runV2Context, runV2Selection, type RunV2Context } from './run-v2.ts'

const body = z.object({
  project_id: uuid,
  trace_ids: z.array(uuid).max(10_000).nullish(),
  trace_filter: z.string().nullish().describe('A filter of the root run'),
  tree_filter: z.string().nullish().describe('A filter that some run of the trace must meet'),
  min_start_time: time.nullish(),
  max_start_time: time.nullish().describe('Exclusive'),
  ...feedbackWindowFields,
  ...semanticFields,
  page_size: z.int().min(1).max(100).nullish(),
  selects: z.array(z.enum(runSelectFields)).nullish(),
  cursor: z.string().nullish(),
})

const aggregatesAnswer = z
  .object({ total_tokens: wholeAnswer, total_cost: costV2Answer, first_token_time: timeAnswer })
  .partial()

const answer = pageAnswer(
  z.object({ root_run: runV2Answer, trace_aggregates: aggregatesAnswer.optional() }),
)

/** `POST /v2/traces/query`: the traces of a project, newest first (contracts/langsmith.md 2.10.4). */
export function postV2TracesQuery(app: App, services: Services): void {
  app.post(
    '/v2/traces/query',
    {
      config: { scope: 'read', errorShape: 'problem' },
      schema: {
        tags: ['runs v2'],
        summary: 'List traces',
        body,
        response: { 200: answer },
      },
    },
    async (request, reply) => {
      const { principal, body: asked } = request
      const { tenantId } = principal
      refuseFields(asked, 'ai_search', 'sem_filter')
      const query = readQuery(tenantId, asked, services)
      const after = asked.cursor ? readRunCursor(principal, 'desc', asked.cursor) : null
      if ((await experimentFind(services.db, tenantId, asked.project_id)) === null) {
        throw notFound('Project')
      }
      const { columns, show } = traceSelection(asked.selects ?? [])
      const place = { order: 'desc', after, limit: asked.page_size ?? 20 } as const
      const page = await runList(services.db, query, place, columns)
      const context = runV2Context(services, request)
      return sendPage(request, reply, {
        items: page.rows.map((row) => show(row, context)),
        next_cursor: page.next === null ? null : writeRunCursor(principal, 'desc', page.next),
      })
    },
  )
}

/** @throws LangsmithError 400 for a broken filter */
function readQuery(
  tenantId: string,
  asked: z.output<typeof body>,
  { clock }: Pick<Services, 'clock'>,
): RunQuery {
  const filters = readRunFilter('trace_filter', asked.trace_filter)
  const treeFilter = readRunFilter('tree_filter', asked.tree_filter)[0]
  return {
    tenantId,
    experimentIds: [asked.project_id],
    isRoot: true,
    traceIds: asked.trace_ids ?? undefined,
    minStartTime: asked.min_start_time ?? dayAgo(clock),
    beforeStartTime: asked.max_start_time ?? undefined,
    filters,
    treeFilter,
    feedbackWindow: readFeedbackWindow(asked, [...filters, treeFilter]),
  }
}

/** Numbers of the whole trace, which stand beside the root run. */
const aggregateNames = ['TOTAL_TOKENS', 'TOTAL_COST', 'FIRST_TOKEN_TIME']

/** What to read of a trace, and how to show it. Of the root run, at least the id is shown. */
function traceSelection(selects: readonly string[]) {
  const aggregates = new Set(selects.filter((name) => aggregateNames.includes(name)))
  const run = runV2Selection(selects.filter((name) => !aggregates.has(name)))
  const columns = new Set<RunColumn>(run.columns)
  if (aggregates.has('FIRST_TOKEN_TIME')) columns.add('traceFirstTokenTime')
  return {
    columns,
    show: (row: RunDetailRow, context: RunV2Context) => ({
      root_run: run.show(row, context),
      ...(aggregates.size === 0 ? {} : { trace_aggregates: aggregatesOf(row, aggregates) }),
    }),
  }
}

/** A root run has the sums of its trace. */
function aggregatesOf(
  { totalTokens, totalCost, traceFirstTokenTime: firstTokenTime }: RunDetailRow,
  asked: ReadonlySet<string>,
) {
  return {
    ...(asked.has('TOTAL_TOKENS') ? { total_tokens: totalTokens ?? 0 } : {}),
    ...(asked.has('TOTAL_COST') && totalCost !== null
      ? { total_cost: new RawJson(totalCost) }
      : {}),
    ...(firstTokenTime ? { first_token_time: firstTokenTime } : {}),
  }
}
