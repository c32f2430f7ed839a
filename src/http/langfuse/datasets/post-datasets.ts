import type { App, Services } from '../../services.ts'
import { datasetFromRow } from './dataset-from-row.ts'
import { datasetBody, upsertDataset } from './upsert-dataset.ts'

/** v1: what npm `langfuse` 3 calls. Its two lists are always empty (contracts/langfuse.md 2.3). */
export function postDatasets(app: App, services: Services): void {
  const schema = {
    body: datasetBody,
    tags: ['langfuse datasets'],
    summary: 'Make a dataset, or change the one of that name (v1)',
  }
  app.post('/datasets', { schema }, async (request) => {
    const dataset = await upsertDataset(services, request)
    return { ...datasetFromRow(request.principal.tenantId, dataset), items: [], runs: [] }
  })
}
