import { z } from 'zod'
import type { Db } from '../../../store/pool.ts'
import { datasetCount, datasetList } from '../../../store/read/datasets/datasets.ts'
import { datasetListContents } from '../../../store/read/experiments/dataset-experiments.ts'
import type { App, Services } from '../../services.ts'
import { metaOf, offsetOf, page, pageFromZero, pageOf, type PageRequest } from '../requests.ts'
import { datasetAnswer, datasetFromRow, datasetV1Answer } from './dataset-from-row.ts'

const tags = ['langfuse datasets']

const v1Schema = {
  querystring: z.object(pageFromZero),
  response: { 200: pageOf(datasetV1Answer) },
  tags,
  summary: 'List datasets with what they hold, newest first (v1)',
}

const v2Schema = {
  querystring: z.object(page),
  response: { 200: pageOf(datasetAnswer) },
  tags,
  summary: 'List datasets, newest first',
}

/** Lists of datasets (contracts/langfuse.md 2.3). v1 adds the ids of each one's items and the names of its runs. */
export function getDatasets(app: App, { db }: Services): void {
  app.get('/datasets', { schema: v1Schema }, async ({ principal: { tenantId }, query }) => {
    const { rows, meta } = await listDatasets(db, tenantId, query)
    const ids = rows.map((row) => row.id)
    const names = await datasetListContents(db, tenantId, ids)
    const data = rows.map((row) => ({
      ...datasetFromRow(tenantId, row),
      items: names.get(row.id)?.exampleIds ?? [],
      runs: names.get(row.id)?.experimentNames ?? [],
    }))
    return { data, meta }
  })

  app.get('/v2/datasets', { schema: v2Schema }, async ({ principal: { tenantId }, query }) => {
    const { rows, meta } = await listDatasets(db, tenantId, query)
    return { data: rows.map((row) => datasetFromRow(tenantId, row)), meta }
  })
}

async function listDatasets(db: Db, tenantId: string, query: PageRequest) {
  const [rows, total] = await Promise.all([
    datasetList(db, { tenantId, limit: query.limit, offset: offsetOf(query) }),
    datasetCount(db, tenantId),
  ])
  return { rows, meta: metaOf(query, total) }
}
