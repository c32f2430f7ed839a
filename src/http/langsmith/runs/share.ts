import { z } from 'zod'
import { RawJson } from '../../../domain/raw-json.ts'
import { runFind } from '../../../store/read/runs/runs.ts'
import { shareDelete, shareUpsert } from '../../../store/write/shares.ts'
import { messageAnswer, raw, uuidAnswer } from '../../answer-schemas.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { uuid } from '../schemas.ts'

const tags = ['runs']
const params = z.object({ run_id: uuid })

const shareAnswer = z.object({ run_id: uuidAnswer, share_token: uuidAnswer })

const putSchema = {
  tags,
  summary: 'Share a run with whoever has the token; a repeat answers the same token',
  params,
  response: { 200: shareAnswer },
}

const getSchema = {
  tags,
  summary: 'Read under which token a run is shared; null when it is not',
  params,
  response: { 200: raw(shareAnswer.nullable()) },
}

const deleteSchema = {
  tags,
  summary: 'Stop sharing a run: its token no longer works',
  params,
  response: { 200: messageAnswer },
}

/** Sharing of one run with whoever has a token (contracts/langsmith.md 2.6.3). `public.ts` reads by the token. */
export function shareRoutes(app: App, { db, clock }: Services): void {
  app.put('/runs/:run_id/share', { schema: putSchema }, async (request) => {
    const { tenantId } = request.principal
    const run = await runFind(db, tenantId, request.params.run_id)
    if (run === null) throw notFound('Run')
    const token = await shareUpsert(db, tenantId, 'run', run.id, clock.now())
    return { run_id: run.id, share_token: token }
  })

  app.get('/runs/:run_id/share', { schema: getSchema }, async (request, reply) => {
    const run = await runFind(db, request.principal.tenantId, request.params.run_id)
    if (run === null) throw notFound('Run')
    // Fastify would send a bare null as an empty body.
    if (run.shareToken === null) return reply.send(new RawJson('null'))
    return { run_id: run.id, share_token: run.shareToken }
  })

  app.delete('/runs/:run_id/share', { schema: deleteSchema }, async (request) => {
    const { tenantId } = request.principal
    const run = await runFind(db, tenantId, request.params.run_id)
    if (run === null) throw notFound('Run')
    await shareDelete(db, tenantId, 'run', run.id)
    return { message: 'Run is no longer shared' }
  })
}
