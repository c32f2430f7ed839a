import { z } from 'zod'
import { experimentFind } from '../../../store/read/experiments/experiments.ts'
import type { Queryable } from '../../../store/pool.ts'
import { runList } from '../../../store/read/runs/run-list.ts'
import type { RunQuery } from '../../../store/read/runs/run-query-sql.ts'
import { shareDelete, shareUpsert } from '../../../store/write/shares.ts'
import { emptyAnswer, uuidAnswer } from '../../answer-schemas.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { uuid } from '../schemas.ts'

const tags = ['runs v2']
const params = z.object({ run_id: uuid })
const config = { errorShape: 'problem' } as const

const postSchema = {
  tags,
  summary: 'Share the trace of a run with whoever has the token; a repeat answers the same token',
  params,
  body: z.object({ session_id: uuid, trace_id: uuid }),
  response: { 200: z.object({ share_token: uuidAnswer }) },
}

const deleteSchema = {
  tags,
  summary: 'Stop sharing a trace, which the path names: its token no longer works',
  params,
  body: z.object({ session_id: uuid }),
  response: { 204: emptyAnswer },
}

/** Sharing of whole traces (contracts/langsmith.md 2.10.6). The token is that of the root run. */
export function shareV2Routes(app: App, { db, clock }: Services): void {
  const url = '/v2/runs/:run_id/share'
  app.post(url, { schema: postSchema, config }, async (request) => {
    const { tenantId } = request.principal
    const { session_id: projectId, trace_id: traceId } = request.body
    const trace = { tenantId, experimentIds: [projectId], traceId }
    const run = await firstOf(db, { ...trace, ids: [request.params.run_id] })
    const root = await firstOf(db, { ...trace, isRoot: true })
    if (run === null || root === null) throw notFound('Run')
    return { share_token: await shareUpsert(db, tenantId, 'run', root, clock.now()) }
  })

  app.delete(url, { schema: deleteSchema, config }, async (request, reply) => {
    const { tenantId } = request.principal
    const { session_id: projectId } = request.body
    if ((await experimentFind(db, tenantId, projectId)) === null) throw notFound('Project')
    const traceId = request.params.run_id
    const root = await firstOf(db, {
      tenantId,
      experimentIds: [projectId],
      traceId,
      isRoot: true,
    })
    if (root !== null) await shareDelete(db, tenantId, 'run', root)
    return reply.code(204).send()
  })
}

async function firstOf(db: Queryable, query: RunQuery): Promise<string | null> {
  const page = await runList(db, query, { order: 'asc', after: null, limit: 1 }, new Set())
  return page.rows[0]?.id ?? null
}
