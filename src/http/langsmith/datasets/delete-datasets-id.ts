import { z } from 'zod'
import { datasetDelete } from '../../../store/write/datasets.ts'
import { nudgePurge } from '../../nudge-purge.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { uuid } from '../schemas.ts'

const schema = {
  tags: ['langsmith datasets'],
  summary: 'Delete a dataset with its examples and experiments',
  params: z.object({ id: uuid }),
}

export function deleteDatasetsId(app: App, services: Services): void {
  app.delete('/datasets/:id', { schema }, async (request) => {
    const { tenantId } = request.principal
    const gone = await datasetDelete(services.db, tenantId, request.params.id, services.clock.now())
    if (gone === null) throw notFound('Dataset')
    await nudgePurge(services, tenantId, gone.experimentIds)
    return { message: 'Dataset deleted' }
  })
}
