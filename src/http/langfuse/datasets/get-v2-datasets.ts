import { z } from 'zod'
import { datasetCount, datasetList } from '../../../store/read/datasets/datasets.ts'
import type { App, Services } from '../../services.ts'
import { datasetFromRow } from './dataset-from-row.ts'
import { metaOf, offsetOf, page } from '../requests.ts'

export function getV2Datasets(app: App, { db }: Services): void {
  const schema = {
    querystring: z.object(page),
    tags: ['langfuse datasets'],
    summary: 'List datasets, newest first',
  }
  app.get('/v2/datasets', { schema }, async ({ principal: { tenantId }, query }) => {
    const [rows, total] = await Promise.all([
      datasetList(db, { tenantId, limit: query.limit, offset: offsetOf(query) }),
      datasetCount(db, tenantId),
    ])
    return { data: rows.map((row) => datasetFromRow(tenantId, row)), meta: metaOf(query, total) }
  })
}
