import { z } from 'zod'
import { datasetListNamesWithin } from '../../../store/read/experiments/dataset-experiments.ts'
import { datasetCount, datasetList } from '../../../store/read/datasets/datasets.ts'
import type { App, Services } from '../../services.ts'
import { datasetFromRow } from './dataset-from-row.ts'
import { metaOf, offsetOf, pageFromZero } from '../requests.ts'

/** v1: each dataset with the ids of its items and the names of its runs. */
export function getDatasets(app: App, { db }: Services): void {
  const schema = {
    querystring: z.object(pageFromZero),
    tags: ['langfuse datasets'],
    summary: 'List datasets with what they hold, newest first (v1)',
  }
  app.get('/datasets', { schema }, async ({ principal: { tenantId }, query }) => {
    const [rows, total] = await Promise.all([
      datasetList(db, { tenantId, limit: query.limit, offset: offsetOf(query) }),
      datasetCount(db, tenantId),
    ])
    const ids = rows.map((row) => row.id)
    const names = await datasetListNamesWithin(db, tenantId, ids)
    const data = rows.map((row) => ({
      ...datasetFromRow(tenantId, row),
      items: names.get(row.id)?.exampleIds ?? [],
      runs: names.get(row.id)?.experimentNames ?? [],
    }))
    return { data, meta: metaOf(query, total) }
  })
}
