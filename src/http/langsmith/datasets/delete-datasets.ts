import { z } from 'zod'
import { datasetDelete } from '../../../store/write/datasets.ts'
import { nudgePurge } from '../../nudge-purge.ts'
import type { App, Services } from '../../services.ts'
import { listOf, uuid } from '../schemas.ts'

const schema = {
  tags: ['langsmith datasets'],
  summary: 'Delete several datasets; unknown ids are ignored',
  querystring: z.object({ dataset_ids: listOf(uuid, { min: 1, max: 100 }) }),
}

export function deleteDatasets(app: App, services: Services): void {
  app.delete('/datasets', { schema }, async (request) => {
    const { tenantId } = request.principal
    let count = 0
    for (const id of new Set(request.query.dataset_ids)) {
      const gone = await datasetDelete(services.db, tenantId, id, services.clock.now())
      if (gone === null) continue
      count++
      await nudgePurge(services, tenantId, gone.experimentIds)
    }
    return { message: `${count} datasets deleted` }
  })
}
