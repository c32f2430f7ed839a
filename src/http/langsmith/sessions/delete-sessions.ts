import { z } from 'zod'
import { experimentDeleteMany } from '../../../store/write/experiments.ts'
import { nudgePurge } from '../../nudge-purge.ts'
import type { App, HttpParts } from '../../parts.ts'
import { listOf, uuid } from '../schemas.ts'

const schema = {
  tags: ['langsmith sessions'],
  summary: 'Delete several projects or experiments; unknown ids are ignored',
  querystring: z.object({ session_ids: listOf(uuid, { min: 1 }) }),
}

export function deleteSessions(app: App, parts: HttpParts): void {
  app.delete('/sessions', { schema }, async (request) => {
    const { tenantId } = request.principal
    const ids = request.query.session_ids
    const deleted = await experimentDeleteMany(parts.db, tenantId, ids, parts.clock.now())
    await nudgePurge(parts, tenantId, deleted)
    return { message: `${deleted.length} sessions deleted` }
  })
}
