import { z } from 'zod'
import { datasetDelete } from '../../../store/write/datasets.ts'
import { messageAnswer } from '../../answer-schemas.ts'
import { nudgePurge } from '../../nudge-purge.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { listOf, uuid } from '../schemas.ts'

const tags = ['langsmith datasets']

const oneSchema = {
  tags,
  summary: 'Delete a dataset with its examples and experiments',
  params: z.object({ id: uuid }),
  response: { 200: messageAnswer },
}

const manySchema = {
  tags,
  summary: 'Delete several datasets; unknown ids are ignored',
  querystring: z.object({ dataset_ids: listOf(uuid, { min: 1, max: 100 }) }),
  response: { 200: messageAnswer },
}

export function deleteDatasets(app: App, services: Services): void {
  app.delete('/datasets/:id', { schema: oneSchema }, async (request) => {
    const { tenantId } = request.principal
    if (!(await deleteOne(services, tenantId, request.params.id))) throw notFound('Dataset')
    return { message: 'Dataset deleted' }
  })

  app.delete('/datasets', { schema: manySchema }, async (request) => {
    const { tenantId } = request.principal
    let count = 0
    for (const id of new Set(request.query.dataset_ids)) {
      if (await deleteOne(services, tenantId, id)) count++
    }
    return { message: `${count} datasets deleted` }
  })
}

/** @returns false when there is no such dataset */
async function deleteOne(services: Services, tenantId: string, id: string): Promise<boolean> {
  const gone = await datasetDelete(services.db, tenantId, id, services.clock.now())
  if (gone === null) return false
  await nudgePurge(services, tenantId, gone.experimentIds)
  return true
}
