import { z } from 'zod'
import { datasetFind } from '../../../store/read/datasets/datasets.ts'
import { experimentList } from '../../../store/read/experiments/experiments.ts'
import { shareFindByToken } from '../../../store/read/shares.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { page, searchedText, text, uuid, uuidList } from '../schemas.ts'
import { sessionAnswer, type SessionAnswer } from './session-answer.ts'
import { sessionsWithStatistics } from './session-statistics.ts'

const schema = {
  tags: ['langsmith public'],
  summary: 'List the experiments on the dataset that a token shares',
  params: z.object({ share_token: uuid }),
  querystring: z.object({
    id: uuidList.optional(),
    name: text.optional(),
    name_contains: searchedText.optional(),
    ...page,
  }),
  response: { 200: z.array(sessionAnswer) },
}

/** The token in the path is the only credential. */
const config = { scope: 'none', isPublicRead: true } as const

/** Experiments on a shared dataset, with their statistics, newest first (contracts/langsmith.md 2.9). */
export function publicRoutes(app: App, { db }: Services): void {
  app.get('/public/:share_token/datasets/sessions', { schema, config }, async (request) => {
    const shared = await shareFindByToken(db, 'dataset', request.params.share_token)
    if (shared === null) throw notFound('Dataset')
    const { tenantId, id: datasetId, hasExperiments } = shared
    if ((await datasetFind(db, tenantId, datasetId)) === null) throw notFound('Dataset')
    if (!hasExperiments) return []
    const { id: ids, name, name_contains: nameContains, offset, limit } = request.query
    const rows = await experimentList(db, tenantId, {
      ids,
      name,
      nameContains,
      datasetIds: [datasetId],
      sortBy: 'start_time',
      isDescending: true,
      feedbackSource: 'session',
      offset,
      limit,
    })
    const sessions = await sessionsWithStatistics(db, tenantId, rows, { isFull: true })
    return sessions.map((session) => withoutHome(session))
  })
}

/** Leaves out where a session is kept. Python's client needs some UUID for the tenant. */
function withoutHome(session: SessionAnswer): SessionAnswer {
  return {
    ...session,
    tenant_id: '00000000-0000-0000-0000-000000000000',
    extra: null,
    default_dataset_id: null,
    trace_tier: null,
  }
}
