import { z } from 'zod'
import type { App, Services } from '../../services.ts'
import { datasetFromRow } from './dataset-from-row.ts'
import { findDataset } from './find-dataset.ts'
import { text } from '../requests.ts'

export function getV2DatasetsName(app: App, { db }: Services): void {
  const schema = {
    params: z.object({ name: text }),
    tags: ['langfuse datasets'],
    summary: 'Read a dataset',
  }
  app.get('/v2/datasets/:name', { schema }, async ({ principal: { tenantId }, params }) =>
    datasetFromRow(tenantId, await findDataset(db, tenantId, params.name)),
  )
}
