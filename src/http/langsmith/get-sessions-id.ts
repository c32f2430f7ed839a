import { z } from 'zod'
import { experimentAggregateListAmong, experimentFind } from '../../store/read/experiments.ts'
import { experimentAggregateRefreshDirty } from '../../store/write/aggregates.ts'
import type { App, HttpParts } from '../parts.ts'
import { notFound } from './errors.ts'
import { flag, uuid } from './schemas.ts'
import { sessionWithStatistics } from './session-from-row.ts'

const schema = {
  tags: ['langsmith sessions'],
  summary: 'Read a project or experiment',
  params: z.object({ id: uuid }),
  querystring: z.object({ include_stats: flag.default(false) }),
}

export function getSessionsId(app: App, { db }: HttpParts): void {
  app.get('/sessions/:id', { schema }, async (request) => {
    const { tenantId } = request.principal
    const { id } = request.params
    const row = await experimentFind(db, tenantId, id)
    if (row === null) throw notFound('Session')
    await experimentAggregateRefreshDirty(db, tenantId, [id])
    const statistics = await experimentAggregateListAmong(db, tenantId, [id])
    return sessionWithStatistics(tenantId, row, statistics.get(id), request.query.include_stats)
  })
}
