import { z } from 'zod'
import type {
  ComparisonKey,
  ComparisonQuery,
} from '../../../store/read/comparison/comparison-query.ts'
import {
  comparisonPage,
  experimentListCompared,
  type ComparedRun,
} from '../../../store/read/comparison/comparison.ts'
import { runList, type RunColumn } from '../../../store/read/runs/run-list.ts'
import type { RunDetailRow } from '../../../store/read/runs/runs.ts'
import { baseUrl } from '../../blobs.ts'
import type { App, Services } from '../../services.ts'
import { attachmentUrls } from '../attachments.ts'
import { parseSessionFilters, sessionFilters } from './comparison-filters.ts'
import { readCursor, writeCursor } from '../cursor.ts'
import { invalid, notFound } from '../errors.ts'
import { exampleAnswer } from '../examples/example-answer.ts'
import { exampleFromRow } from '../examples/example-from-row.ts'
import { runV2Answer } from '../runs/run-v2-answer.ts'
import { runSelectFields, runV2Selection } from '../runs/run-v2.ts'
import { uuid } from '../schemas.ts'

const body = z.object({
  experiment_ids: z.array(uuid).min(1),
  page_size: z.int().min(1).max(100).nullish(),
  cursor: z.string().nullish(),
  selects: z.array(z.enum(runSelectFields)).nullish(),
  sort: z
    .object({ by: z.string().nullish(), order: z.enum(['ASC', 'DESC']).default('DESC') })
    .nullish(),
  filters: sessionFilters.nullish(),
  comparative_experiment_id: uuid.nullish(),
  example_ids: z.array(uuid).max(1000).nullish(),
})

const answer = z.object({
  items: z.array(exampleAnswer.extend({ runs: z.array(runV2Answer) })),
  next_cursor: z.string().nullable(),
})

type Sort = ComparisonQuery['sort']

/**
 * `POST /v2/datasets/{dataset_id}/experiment-runs`: as `POST /datasets/{id}/runs`, with cursors
 * (contracts/langsmith.md 2.1, 2.10.3).
 */
export function postV2DatasetsIdExperimentRuns(app: App, services: Services): void {
  const { db } = services
  app.post(
    '/v2/datasets/:dataset_id/experiment-runs',
    {
      config: { scope: 'read', errorShape: 'problem' },
      schema: {
        tags: ['runs v2'],
        summary: 'Read examples with the runs of experiments',
        params: z.object({ dataset_id: uuid }),
        body,
        response: { 200: answer },
      },
    },
    async (request) => {
      const { principal, body: asked } = request
      const datasetId = request.params.dataset_id
      const filters = parseSessionFilters(asked.filters)
      const sort = readSort(asked)
      const list = `experiment-runs ${datasetId} ${JSON.stringify(sort)}`
      const after = asked.cursor ? readKey(readCursor(principal, list, asked.cursor)) : null
      const found = await experimentListCompared(
        db,
        principal.tenantId,
        datasetId,
        asked.experiment_ids,
      )
      if (found === null) throw notFound('Dataset')

      const ids = new Set(found.map((experiment) => experiment.id))
      const selection = runV2Selection(asked.selects)
      const page = await comparisonPage(
        db,
        {
          tenantId: principal.tenantId,
          datasetId,
          experimentIds: [...ids],
          exampleIds: asked.example_ids ?? null,
          filters: new Map([...filters].filter(([experimentId]) => ids.has(experimentId))),
          sort,
          comparativeExperimentId: asked.comparative_experiment_id ?? null,
        },
        {
          after,
          limit: asked.page_size ?? 20,
          isPreview: !selection.columns.has('inputs') && !selection.columns.has('outputs'),
          detail: 'none',
        },
      )
      const runs = page.rows.flatMap((row) => row.runs.map(({ run }) => run))
      const detailOf = await readDetails(services, principal.tenantId, runs, selection.columns)
      const urls = attachmentUrls(services, request)
      const context = { baseUrl: baseUrl(services, request), urls }
      return {
        items: page.rows.map((row) => ({
          ...exampleFromRow(row.example, urls),
          runs: row.runs.map(({ run }) => selection.show(detailOf(run), context)),
        })),
        next_cursor: page.next === null ? null : writeCursor(principal, list, writeKey(page.next)),
      }
    },
  )
}

/** `by` is a feedback key, with or without `feedback.` before it. @throws LangsmithError 422 for several experiments */
function readSort({ sort, experiment_ids: ids }: z.output<typeof body>): Sort {
  if (!sort?.by) return null
  if (new Set(ids).size > 1) throw invalid(['body', 'sort'], 'Sorting works on one experiment only')
  const feedbackKey = sort.by.replace(/^feedback\./, '')
  return { feedbackKey, order: sort.order === 'ASC' ? 'asc' : 'desc' }
}

function writeKey({ id, createdAt, score }: ComparisonKey): string[] {
  return score === null ? [id, createdAt] : [id, createdAt, String(score)]
}

function readKey([id = '', createdAt = '', score]: string[]): ComparisonKey {
  return { id, createdAt, score: score === undefined ? null : Number(score) }
}

/** Columns that the comparison itself has read already. */
const comparedColumns: ReadonlySet<RunColumn> = new Set([
  'inputs',
  'outputs',
  'error',
  'events',
  'serialized',
  'extra',
  'metadata',
  'attachments',
  'feedbackStats',
])

/** Completes the compared runs by the columns that `selects` needs. Of a run that has not arrived there are none. */
async function readDetails(
  { db }: Services,
  tenantId: string,
  runs: readonly ComparedRun[],
  columns: ReadonlySet<RunColumn>,
): Promise<(run: ComparedRun) => RunDetailRow> {
  const ids = [...new Set(runs.map((run) => run.id))]
  const wanted = new Set([...columns].filter((column) => !comparedColumns.has(column)))
  const place = { order: 'desc', after: null, limit: Math.max(1, ids.length) } as const
  const page = await runList(db, { tenantId, ids }, place, wanted)
  const byId = new Map(page.rows.map((row) => [row.id, row]))
  return (run) => ({ ...unknownDetails, ...byId.get(run.id), ...run })
}

const unknownDetails = {
  usageDetails: null,
  costDetails: null,
  priceId: null,
  firstTokenTime: null,
  threadId: null,
  traceTier: null,
  childRunIds: [],
  directChildRunIds: [],
  referenceDatasetId: null,
  shareToken: null,
  inDataset: false,
} satisfies Partial<RunDetailRow>
