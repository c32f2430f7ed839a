import { z } from 'zod'
import { comparativeExperimentList } from '../../../store/read/comparison/comparative-experiments.ts'
import { datasetFind } from '../../../store/read/datasets/datasets.ts'
import type { App, Services } from '../../services.ts'
import { listedComparativeAnswer } from './comparative-answer.ts'
import { listedComparativeFromRow } from './comparative-from-row.ts'
import { notFound } from '../errors.ts'
import { flag, page, searchedText, text, uuid, uuidList } from '../schemas.ts'

const schema = {
  tags: ['langsmith datasets'],
  summary: 'List comparisons of experiments on a dataset',
  params: z.object({ dataset_id: uuid }),
  querystring: z.object({
    id: uuidList.optional(),
    name: text.optional(),
    name_contains: searchedText.optional(),
    sort_by: z.enum(['name', 'created_at']).default('created_at'),
    sort_by_desc: flag.default(true),
    ...page,
  }),
  response: { 200: z.array(listedComparativeAnswer) },
}

/**
 * `GET /datasets/{dataset_id}/comparative` (contracts/langsmith.md 2.8). Experiments that were deleted since are left
 * out.
 */
export function getDatasetsIdComparative(app: App, { db }: Services): void {
  app.get('/datasets/:dataset_id/comparative', { schema }, async (request) => {
    const { tenantId } = request.principal
    const { query, params } = request
    if ((await datasetFind(db, tenantId, params.dataset_id)) === null) throw notFound('Dataset')
    const rows = await comparativeExperimentList(db, tenantId, {
      datasetId: params.dataset_id,
      ids: query.id,
      name: query.name,
      nameContains: query.name_contains,
      sortBy: query.sort_by,
      isDescending: query.sort_by_desc,
      offset: query.offset,
      limit: query.limit,
    })
    return rows.map((row) => listedComparativeFromRow(tenantId, row))
  })
}
