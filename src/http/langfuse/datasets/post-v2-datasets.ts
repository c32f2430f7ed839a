import type { App, Services } from '../../services.ts'
import { datasetFromRow } from './dataset-from-row.ts'
import { datasetBody, upsertDataset } from './upsert-dataset.ts'

export function postV2Datasets(app: App, services: Services): void {
  const schema = {
    body: datasetBody,
    tags: ['langfuse datasets'],
    summary: 'Make a dataset, or change the one of that name',
  }
  app.post('/v2/datasets', { schema }, async (request) =>
    datasetFromRow(request.principal.tenantId, await upsertDataset(services, request)),
  )
}
