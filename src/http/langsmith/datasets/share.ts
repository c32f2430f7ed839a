import { z } from 'zod'
import { RawJson } from '../../../domain/raw-json.ts'
import { shareFind } from '../../../store/read/shares.ts'
import { shareDelete, shareUpsert } from '../../../store/write/shares.ts'
import { messageAnswer, raw, uuidAnswer } from '../../answer-schemas.ts'
import type { App, Services } from '../../services.ts'
import { findDataset } from '../examples/as-of.ts'
import { flag, uuid } from '../schemas.ts'

const tags = ['langsmith datasets']
const params = z.object({ id: uuid })

const shareAnswer = z.object({ dataset_id: uuidAnswer, share_token: uuidAnswer })

const putSchema = {
  tags,
  summary: 'Let whoever has the token read a dataset; a repeat answers the same token',
  params,
  querystring: z.object({
    share_projects: flag
      .optional()
      .describe('Whether the experiments on the dataset are shared as well; at first they are'),
  }),
  response: { 200: shareAnswer },
}

const getSchema = {
  tags,
  summary: 'Read under which token a dataset is shared; null when it is not',
  params,
  response: { 200: raw(shareAnswer.nullable()) },
}

const deleteSchema = {
  tags,
  summary: 'Stop sharing a dataset: its token no longer works',
  params,
  response: { 200: messageAnswer },
}

/** Sharing of one dataset with whoever has a token (contracts/langsmith.md 2.9). `public.ts` reads by the token. */
export function shareRoutes(app: App, { db, clock }: Services): void {
  app.put('/datasets/:id/share', { schema: putSchema }, async (request) => {
    const { tenantId } = request.principal
    const { id } = await findDataset(db, tenantId, request.params.id)
    const token = await shareUpsert(
      db,
      tenantId,
      'dataset',
      id,
      clock.now(),
      request.query.share_projects ?? null,
    )
    return { dataset_id: id, share_token: token }
  })

  app.get('/datasets/:id/share', { schema: getSchema }, async (request, reply) => {
    const { tenantId } = request.principal
    const { id } = await findDataset(db, tenantId, request.params.id)
    const token = await shareFind(db, tenantId, 'dataset', id)
    // Fastify would send a bare null as an empty body.
    if (token === null) return reply.send(new RawJson('null'))
    return { dataset_id: id, share_token: token }
  })

  app.delete('/datasets/:id/share', { schema: deleteSchema }, async (request) => {
    const { tenantId } = request.principal
    const { id } = await findDataset(db, tenantId, request.params.id)
    await shareDelete(db, tenantId, 'dataset', id)
    return { message: 'Dataset unshared' }
  })
}
