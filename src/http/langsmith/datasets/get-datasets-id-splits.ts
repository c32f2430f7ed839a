import { z } from 'zod'
import { exampleListSplits } from '../../../store/read/datasets/examples.ts'
import type { App, Services } from '../../services.ts'
import { findDataset, momentOf } from '../examples/as-of.ts'
import { asOf, uuid } from '../schemas.ts'

const schema = {
  tags: ['langsmith datasets'],
  summary: 'List the splits that examples of a dataset are in',
  params: z.object({ id: uuid }),
  querystring: z.object({ as_of: asOf }),
}

export function getDatasetsIdSplits(app: App, { db }: Services): void {
  app.get('/datasets/:id/splits', { schema }, async (request) => {
    const { tenantId } = request.principal
    const dataset = await findDataset(db, tenantId, request.params.id)
    const filter = { datasetId: dataset.id, archived: false }
    return exampleListSplits(db, { tenantId, filter, asOf: momentOf(request.query.as_of) })
  })
}
