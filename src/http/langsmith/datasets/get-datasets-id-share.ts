import { z } from 'zod'
import { RawJson } from '../../../domain/json.ts'
import { shareFind } from '../../../store/read/shares.ts'
import type { App, Services } from '../../services.ts'
import { findDataset } from '../examples/as-of.ts'
import { uuid } from '../schemas.ts'

const schema = {
  tags: ['langsmith datasets'],
  summary: 'Read under which token a dataset is shared; null when it is not',
  params: z.object({ id: uuid }),
}

export function getDatasetsIdShare(app: App, { db }: Services): void {
  app.get('/datasets/:id/share', { schema }, async (request, reply) => {
    const { tenantId } = request.principal
    const { id } = await findDataset(db, tenantId, request.params.id)
    const token = await shareFind(db, tenantId, 'dataset', id)
    // A bare null would be an empty answer.
    if (token === null) return reply.send(new RawJson('null'))
    return { dataset_id: id, share_token: token }
  })
}
