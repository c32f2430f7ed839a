import { z } from 'zod'
import { datasetListCounted } from '../../../store/read/datasets/datasets.ts'
import type { App, Services } from '../../services.ts'
import { countedDatasetAnswer } from './dataset-answer.ts'
import { countedDatasetFromRow } from './dataset-from-row.ts'
import { notFound } from '../errors.ts'
import { uuid } from '../schemas.ts'

const schema = {
  tags: ['langsmith datasets'],
  summary: 'Read a dataset',
  params: z.object({ id: uuid }),
  response: { 200: countedDatasetAnswer },
}

export function getDatasetsId(app: App, { db }: Services): void {
  app.get('/datasets/:id', { schema }, async (request) => {
    const { tenantId } = request.principal
    const filter = { ids: [request.params.id] }
    const [row] = await datasetListCounted(db, { tenantId, filter, limit: 1, offset: 0 })
    if (row === undefined) throw notFound('Dataset')
    return countedDatasetFromRow(tenantId, row)
  })
}
