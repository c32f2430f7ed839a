import { z } from 'zod'
import { experimentDeleteMany } from '../../../store/write/experiments.ts'
import { nudgePurge } from '../../nudge-purge.ts'
import type { App, Services } from '../../services.ts'
import { listOf, uuid } from '../schemas.ts'

const schema = {
  tags: ['langsmith sessions'],
  summary: 'Delete several projects or experiments; unknown ids are ignored',
  querystring: z.object({ session_ids: listOf(uuid, { min: 1 }) }),
}

export function deleteSessions(app: App, services: Services): void {
  app.delete('/sessions', { schema }, async (request) => {
    const { tenantId } = request.principal
    const ids = request.query.session_ids
    const deleted = await experimentDeleteMany(services.db, tenantId, ids, services.clock.now())
    await nudgePurge(services, tenantId, deleted)
    return { message: `${deleted.length} sessions deleted` }
  })
}
