import { z } from 'zod'
import {
  experimentCountOfDataset,
  experimentListOfDataset,
} from '../../../store/read/experiments/dataset-experiments.ts'
import type { App, Services } from '../../services.ts'
import { datasetRunFromRow } from './dataset-from-row.ts'
import { findDataset } from './find-dataset.ts'
import { metaOf, offsetOf, page, text } from '../requests.ts'

export function getDatasetsNameRuns(app: App, { db }: Services): void {
  const schema = {
    params: z.object({ name: text }),
    querystring: z.object(page),
    tags: ['langfuse dataset runs'],
    summary: 'List the runs of a dataset, newest first',
  }
  app.get('/datasets/:name/runs', { schema }, async ({ principal, params, query }) => {
    const { tenantId } = principal
    const dataset = await findDataset(db, tenantId, params.name)
    const [rows, total] = await Promise.all([
      experimentListOfDataset(db, tenantId, dataset.id, {
        limit: query.limit,
        offset: offsetOf(query),
      }),
      experimentCountOfDataset(db, tenantId, dataset.id),
    ])
    return { data: rows.map((row) => datasetRunFromRow(dataset, row)), meta: metaOf(query, total) }
  })
}
