import type { App, Services } from '../../services.ts'
import { findDataset, timeOf } from '../examples/as-of.ts'
import { datasetCsv } from './dataset-csv.ts'
import { downloadHeaders, exportRequest } from './export-dataset.ts'

const schema = {
  tags: ['langsmith datasets'],
  summary: 'Export a dataset as CSV',
  ...exportRequest,
}

export function getDatasetsIdCsv(app: App, { db }: Services): void {
  app.get('/datasets/:id/csv', { schema }, async (request, reply) => {
    const { tenantId } = request.principal
    const dataset = await findDataset(db, tenantId, request.params.id)
    const time = await timeOf(db, tenantId, dataset, request.query.as_of)
    const csv = await datasetCsv(db, tenantId, dataset.id, time)
    return reply
      .headers(downloadHeaders(dataset.id, 'csv'))
      .type('text/csv; charset=utf-8')
      .send(csv)
  })
}
