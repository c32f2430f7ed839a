import { z } from 'zod'
import type { ComparisonQuery } from '../../../store/read/comparison/comparison-query.ts'
import {
  comparisonPages,
  experimentListCompared,
  feedbackListComparedKeys,
  type ComparedExperiment,
} from '../../../store/read/comparison/comparison.ts'
import { streamed } from '../../answer-schemas.ts'
import type { App, Services } from '../../services.ts'
import { attachmentUrls } from '../attachments.ts'
import { comparisonAnswer, type ComparisonAnswer } from './comparison-answer.ts'
import { comparisonCsv } from './comparison-csv.ts'
import { parseSessionFilters, sessionFilters } from './comparison-filters.ts'
import { comparisonFromRow } from './comparison-from-row.ts'
import { invalid, notFound } from '../errors.ts'
import { uuid } from '../schemas.ts'

/** What a null limit means in JSON (contracts/langsmith.md 2.1). In CSV it means every row. */
const defaultLimit = 10
const maxLimit = 1000

const body = z.object({
  session_ids: z.array(uuid).min(1),
  offset: z.int().min(0).default(0),
  limit: z.int().min(1).max(maxLimit).nullish(),
  preview: z.boolean().default(false),
  comparative_experiment_id: uuid.nullish(),
  sort_params: z
    .object({ sort_by: z.string(), sort_order: z.enum(['ASC', 'DESC']).default('DESC') })
    .nullish(),
  filters: sessionFilters.nullish(),
  example_ids: z.array(uuid).max(1000).nullish(),
  include_annotator_detail: z.boolean().default(false),
})

const answer = {
  description: 'Examples with their runs',
  content: {
    'application/json': { schema: z.array(comparisonAnswer) },
    'text/csv': { schema: streamed(z.string()) },
  },
}

type Body = z.output<typeof body>

/** Examples of a dataset with the runs that experiments made for them, as JSON or CSV (contracts/langsmith.md 2.1). */
export function postDatasetsIdRuns(app: App, services: Services): void {
  const { db } = services
  app.post(
    '/datasets/:dataset_id/runs',
    {
      config: { scope: 'read' },
      schema: {
        tags: ['datasets'],
        summary: 'Read examples with runs',
        params: z.object({ dataset_id: uuid }),
        querystring: z.object({ format: z.literal('csv').optional() }),
        body,
        response: { 200: answer },
      },
    },
    async (request, reply) => {
      const { tenantId } = request.principal
      const asked = request.body
      const isCsv = request.query.format === 'csv'
      const filters = parseSessionFilters(asked.filters)
      const sort = parseSort(asked)
      const experiments = await experimentListCompared(
        db,
        tenantId,
        request.params.dataset_id,
        asked.session_ids,
      )
      if (experiments === null) throw notFound('Dataset')

      const ids = new Set(experiments.map((experiment) => experiment.id))
      const query: ComparisonQuery = {
        tenantId,
        datasetId: request.params.dataset_id,
        experimentIds: [...ids],
        exampleIds: asked.example_ids ?? null,
        filters: new Map([...filters].filter(([experimentId]) => ids.has(experimentId))),
        sort,
        comparativeExperimentId: asked.comparative_experiment_id ?? null,
      }
      const isPreview = asked.preview
      if (isCsv) {
        const keys = await feedbackListComparedKeys(db, query)
        const columns = inOrderOf(asked.session_ids, experiments).map((experiment) => ({
          ...experiment,
          feedbackKeys: keys.get(experiment.id) ?? [],
        }))
        const pages = comparisonPages(db, query, {
          offset: asked.offset,
          limit: asked.limit ?? null,
          isPreview,
          detail: 'none',
        })
        return reply
          .header('content-disposition', 'attachment; filename="examples-with-runs.csv"')
          .type('text/csv; charset=utf-8')
          .send(comparisonCsv(pages, columns))
      }

      const examples: ComparisonAnswer[] = []
      const urls = attachmentUrls(services, request)
      const pages = comparisonPages(db, query, {
        offset: asked.offset,
        limit: asked.limit ?? defaultLimit,
        isPreview,
        detail: detailOf(asked),
      })
      for await (const rows of pages) {
        for (const row of rows) examples.push(comparisonFromRow(row, { isPreview, urls }))
      }
      return examples
    },
  )
}

/**
 * `sort_by` is a feedback key, with or without `feedback.` before it.
 * @throws LangsmithError 422 for several sessions
 */
function parseSort({ sort_params: sort, session_ids: sessionIds }: Body): ComparisonQuery['sort'] {
  if (sort === null || sort === undefined) return null
  if (new Set(sessionIds).size > 1) {
    throw invalid(['body', 'sort_params'], 'Sorting works on one session only')
  }
  return {
    feedbackKey: sort.sort_by.replace(/^feedback\./, ''),
    order: sort.sort_order === 'ASC' ? 'asc' : 'desc',
  }
}

function detailOf(asked: Body): 'none' | 'comparative' | 'all' {
  if (asked.include_annotator_detail) return 'all'
  return asked.comparative_experiment_id ? 'comparative' : 'none'
}

function inOrderOf(ids: string[], experiments: ComparedExperiment[]): ComparedExperiment[] {
  const byId = new Map(experiments.map((experiment) => [experiment.id, experiment]))
  return [...new Set(ids)].flatMap((id) => byId.get(id) ?? [])
}
