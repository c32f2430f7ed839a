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
    if ((await deleteMany(services, tenantId, [request.params.id])) === 0) throw notFound('Dataset')
    return { message: 'Dataset deleted' }
  })

  app.delete('/datasets', { schema: manySchema }, async (request) => {
    const { tenantId } = request.principal
    const count = await deleteMany(services, tenantId, request.query.dataset_ids)
    return { message: `${count} datasets deleted` }
  })
}

/** @returns how many of them existed */
async function deleteMany(services: Services, tenantId: string, ids: string[]): Promise<number> {
  let count = 0
  let hadExperiments = false
  for (const id of new Set(ids)) {
    const gone = await datasetDelete(services.db, tenantId, id, services.clock.now())
    if (gone === null) continue
    count++
    hadExperiments ||= gone.experimentIds.length > 0
    await nudgePurge(services, tenantId, gone.experimentIds)
  }
  if (hadExperiments) await services.experimentIds.untilForgotten()
  return count
}
