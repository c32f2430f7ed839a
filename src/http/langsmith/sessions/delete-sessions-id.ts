import { z } from 'zod'
import { experimentDeleteMany } from '../../../store/write/experiments.ts'
import { nudgePurge } from '../../nudge-purge.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { uuid } from '../schemas.ts'

const schema = {
  tags: ['langsmith sessions'],
  summary: 'Delete a project or experiment with its runs and feedback',
  params: z.object({ id: uuid }),
}

export function deleteSessionsId(app: App, services: Services): void {
  app.delete('/sessions/:id', { schema }, async (request) => {
    const { tenantId } = request.principal
    const ids = [request.params.id]
    const deleted = await experimentDeleteMany(services.db, tenantId, ids, services.clock.now())
    if (deleted.length === 0) throw notFound('Session')
    await nudgePurge(services, tenantId, deleted)
    return { message: 'Session deleted' }
  })
}
