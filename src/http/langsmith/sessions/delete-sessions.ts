import { z } from 'zod'
import { experimentDeleteMany } from '../../../store/write/experiments.ts'
import { messageAnswer } from '../../answer-schemas.ts'
import { nudgePurge } from '../../nudge-purge.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { listOf, uuid } from '../schemas.ts'

const tags = ['langsmith sessions']

const oneSchema = {
  tags,
  summary: 'Delete a project or experiment with its runs and feedback',
  params: z.object({ id: uuid }),
  response: { 200: messageAnswer },
}

const manySchema = {
  tags,
  summary: 'Delete several projects or experiments; unknown ids are ignored',
  querystring: z.object({ session_ids: listOf(uuid, { min: 1 }) }),
  response: { 200: messageAnswer },
}

export function deleteSessions(app: App, services: Services): void {
  app.delete('/sessions/:id', { schema: oneSchema }, async (request) => {
    const { tenantId } = request.principal
    const deleted = await deleteMany(services, tenantId, [request.params.id])
    if (deleted.length === 0) throw notFound('Session')
    return { message: 'Session deleted' }
  })

  app.delete('/sessions', { schema: manySchema }, async (request) => {
    const { tenantId } = request.principal
    const deleted = await deleteMany(services, tenantId, request.query.session_ids)
    return { message: `${deleted.length} sessions deleted` }
  })
}

/** @returns the ids of those that existed */
async function deleteMany(services: Services, tenantId: string, ids: string[]): Promise<string[]> {
  const deleted = await experimentDeleteMany(services.db, tenantId, ids, services.clock.now())
  await nudgePurge(services, tenantId, deleted)
  if (deleted.length > 0) await services.experimentIds.untilForgotten()
  return deleted
}
