import { z } from 'zod'
import { runList } from '../../../store/read/runs/run-list.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { ignored, listOf, time, uuid } from '../schemas.ts'
import { findSharedRun, sharedRuns } from './public.ts'
import { runV2Answer } from './run-v2-answer.ts'
import { runsStreamAnswer, streamRuns } from './run-v2-stream.ts'
import { publicSelectFields, runV2Context, runV2Selection } from './run-v2.ts'

const tags = ['public']
/** The token in the path is the only credential. */
const config = { scope: 'none', isPublicRead: true, errorShape: 'problem' } as const

const querySchema = {
  tags,
  summary: 'List a shared run and its descendants, oldest first',
  params: z.object({ share_token: uuid }),
  body: z.object({ selects: z.array(z.enum(publicSelectFields)).nullish() }),
  response: { 200: runsStreamAnswer },
}

const runSchema = {
  tags,
  summary: 'Read a shared run, or one of its descendants',
  params: z.object({ share_token: uuid, run_id: uuid }),
  querystring: z.object({
    selects: listOf(z.enum(publicSelectFields), { min: 1 }),
    start_time: ignored(time, 'a run is found by its id'),
  }),
  response: { 200: runV2Answer },
}

/** Reads of a shared trace by its token (contracts/langsmith.md 2.10.6). */
export function publicV2Routes(app: App, services: Services): void {
  app.post(
    '/v2/public/:share_token/runs/query',
    { schema: querySchema, config },
    async (request, reply) => {
      const top = await findSharedRun(services, request, request.params.share_token)
      const selection = runV2Selection(request.body.selects)
      return streamRuns(services, request, reply, sharedRuns(top), selection)
    },
  )

  app.get('/v2/public/:share_token/run/:run_id', { schema: runSchema, config }, async (request) => {
    const { share_token: token, run_id: runId } = request.params
    const top = await findSharedRun(services, request, token)
    const selection = runV2Selection(request.query.selects)
    const place = { order: 'asc', after: null, limit: 1 } as const
    const query = sharedRuns(top, [runId])
    const page = await runList(services.db, query, place, selection.columns)
    const row = page.rows.find(({ id }) => id === runId)
    if (row === undefined) throw notFound('Run')
    return selection.show(row, runV2Context(services, request))
  })
}
