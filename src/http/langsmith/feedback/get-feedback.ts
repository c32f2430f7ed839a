import { z } from 'zod'
import { feedbackList } from '../../../store/read/feedback/feedback.ts'
import type { App, Services } from '../../services.ts'
import { feedbackAnswer } from './feedback-answer.ts'
import { feedbackFromRow } from './feedback-from-row.ts'
import { flag, ignored, listOf, page, text, time, uuid, uuidList } from '../schemas.ts'

/** `GET /feedback`: lists feedback, newest first (contracts/langsmith.md 2.7.1). */
export function getFeedback(app: App, { db }: Services): void {
  app.get(
    '/feedback',
    {
      schema: {
        tags: ['feedback'],
        summary: 'List feedback',
        querystring: z.object({
          run: uuidList.optional(),
          key: listOf(text).optional(),
          session: uuidList.optional(),
          source: listOf(text).optional(),
          user: uuidList.optional(),
          has_comment: flag.optional(),
          has_score: flag.optional(),
          level: z.enum(['run', 'session']).optional(),
          min_created_at: time.optional(),
          max_created_at: time.optional(),
          comparative_experiment_id: uuid.optional(),
          include_user_names: ignored(flag.optional(), 'there are no users'),
          ...page,
        }),
        response: { 200: z.array(feedbackAnswer) },
      },
    },
    async (request) => {
      const { query } = request
      // Runmill has no user accounts, so no feedback belongs to any of these.
      if (query.user !== undefined && query.user.length > 0) return []
      const rows = await feedbackList(db, request.principal.tenantId, {
        runIds: query.run,
        keys: query.key,
        experimentIds: query.session,
        sourceTypes: query.source,
        hasComment: query.has_comment,
        hasScore: query.has_score,
        level: query.level,
        minCreatedAt: query.min_created_at,
        maxCreatedAt: query.max_created_at,
        comparativeExperimentId: query.comparative_experiment_id,
        offset: query.offset,
        limit: query.limit,
      })
      return rows.map(feedbackFromRow)
    },
  )
}
