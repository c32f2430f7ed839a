import { z } from 'zod'
import { experimentFind } from '../../../store/read/experiments/experiments.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { flag, time, uuid } from '../schemas.ts'
import { sessionAnswer } from './session-answer.ts'
import { sessionsWithStatistics } from './session-statistics.ts'

const schema = {
  tags: ['langsmith sessions'],
  summary: 'Read a project or experiment',
  params: z.object({ id: uuid }),
  querystring: z.object({
    include_stats: flag.default(false),
    stats_start_time: time
      .optional()
      .describe('With include_stats: only executions that started then or later are counted'),
  }),
  response: { 200: sessionAnswer },
}

export function getSessionsId(app: App, { db }: Services): void {
  app.get('/sessions/:id', { schema }, async (request) => {
    const { tenantId } = request.principal
    const { id } = request.params
    const row = await experimentFind(db, tenantId, id)
    if (row === null) throw notFound('Session')
    const { include_stats: isFull, stats_start_time: minStartTime } = request.query
    const [session] = await sessionsWithStatistics(db, tenantId, [row], { isFull, minStartTime })
    return session
  })
}
