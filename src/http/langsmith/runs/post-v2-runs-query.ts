import { z } from 'zod'
import { datasetFind } from '../../../store/read/datasets/datasets.ts'
import { experimentListExisting } from '../../../store/read/experiments/experiments.ts'
import { runList } from '../../../store/read/runs/run-list.ts'
import type { RunQuery } from '../../../store/read/runs/run-query-sql.ts'
import type { App, Services } from '../../services.ts'
import { LangsmithError, notFound } from '../errors.ts'
import { readRunCursor, writeRunCursor } from './run-cursor.ts'
import { runTypes } from './run-answer.ts'
import { readRunFilter, runTypesShownAs } from './run-query-body.ts'
import { runV2Answer } from './run-v2-answer.ts'
import { runSelectFields, runV2Context, runV2Selection } from './run-v2.ts'
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

const ids = z.array(uuid).max(10_000).nullish()

const body = z.object({
  project_ids: ids,
  reference_dataset_id: uuid.nullish(),
  ids,
  trace_id: uuid.nullish(),
  reference_examples: ids,
  run_type: z.enum(runTypes.map((type) => type.toUpperCase())).nullish(),
  is_root: z.boolean().nullish(),
  has_error: z.boolean().nullish(),
  filter: z.string().nullish(),
  trace_filter: z.string().nullish(),
  tree_filter: z.string().nullish(),
  min_start_time: time.nullish(),
  max_start_time: time.nullish(),
  page_size: z.int().min(1).max(1000).nullish(),
  ...feedbackWindowFields,
  ...semanticFields,
  selects: z.array(z.enum(runSelectFields)).nullish(),
  sort_order: z.enum(['ASC', 'DESC']).nullish(),
  cursor: z.string().nullish(),
})

const answer = pageAnswer(runV2Answer, { has_more: z.boolean() })

type Body = z.output<typeof body>

/** `POST /v2/runs/query`: the runs of projects, or of all experiments on a dataset (contracts/langsmith.md 2.10.2). */
export function postV2RunsQuery(app: App, services: Services): void {
  app.post(
    '/v2/runs/query',
    {
      config: { scope: 'read', errorShape: 'problem' },
      schema: {
        tags: ['runs v2'],
        summary: 'List runs',
        body,
        response: { 200: answer },
      },
    },
    async (request, reply) => {
      const { principal, body: asked } = request
      refuseFields(asked, 'ai_search', 'sem_filter')
      const query = readQuery(principal.tenantId, asked, services)
      const order = asked.sort_order === 'ASC' ? 'asc' : 'desc'
      const after = asked.cursor ? readRunCursor(principal, order, asked.cursor) : null
      const selection = runV2Selection(asked.selects)
      await assertSourceExists(services, query)
      const place = { order, after, limit: asked.page_size ?? 100 } as const
      const page = await runList(services.db, query, place, selection.columns)
      const context = runV2Context(services, request)
      const shown = {
        items: page.rows.map((row) => selection.show(row, context)),
        next_cursor: page.next === null ? null : writeRunCursor(principal, order, page.next),
        has_more: page.next !== null,
      }
      return sendPage(request, reply, shown)
    },
  )
}

/** @throws LangsmithError 400 unless either projects or a dataset are given, and for a broken filter */
function readQuery(tenantId: string, asked: Body, { clock }: Pick<Services, 'clock'>): RunQuery {
  if (!asked.project_ids === !asked.reference_dataset_id) {
    throw new LangsmithError(
      400,
      'Exactly one of project_ids and reference_dataset_id must be specified',
    )
  }
  const filters = readRunFilter('filter', asked.filter)
  const traceFilter = readRunFilter('trace_filter', asked.trace_filter)[0]
  const treeFilter = readRunFilter('tree_filter', asked.tree_filter)[0]
  const type = runTypes.find((name) => name.toUpperCase() === asked.run_type)
  return {
    tenantId,
    experimentIds: asked.project_ids ?? undefined,
    datasetId: asked.reference_dataset_id ?? undefined,
    ids: asked.ids ?? undefined,
    traceId: asked.trace_id ?? undefined,
    exampleIds: asked.reference_examples ?? undefined,
    runTypes: type === undefined ? undefined : runTypesShownAs(type),
    isRoot: asked.is_root ?? undefined,
    hasError: asked.has_error ?? undefined,
    minStartTime: asked.min_start_time ?? (asked.project_ids ? dayAgo(clock) : undefined),
    maxStartTime: asked.max_start_time ?? undefined,
    filters,
    traceFilter,
    treeFilter,
    feedbackWindow: readFeedbackWindow(asked, [...filters, traceFilter, treeFilter]),
  }
}

/** @throws LangsmithError 404 when the dataset does not exist, or none of the projects does */
async function assertSourceExists({ db }: Services, query: RunQuery): Promise<void> {
  const { tenantId, datasetId, experimentIds = [] } = query
  if (datasetId !== undefined && (await datasetFind(db, tenantId, datasetId)) === null) {
    throw notFound('Dataset')
  }
  if (experimentIds.length === 0) return
  const found = await experimentListExisting(db, tenantId, experimentIds)
  if (found.size === 0) throw notFound('Project')
}
