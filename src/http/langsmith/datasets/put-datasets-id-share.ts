import { z } from 'zod'
import { shareUpsert } from '../../../store/write/shares.ts'
import type { App, Services } from '../../services.ts'
import { findDataset } from '../examples/as-of.ts'
import { flag, ignored, uuid } from '../schemas.ts'

const schema = {
  tags: ['langsmith datasets'],
  summary: 'Let whoever has the token read a dataset; a repeat answers the same token',
  params: z.object({ id: uuid }),
  querystring: z.object({
    share_projects: ignored(flag.optional(), 'no public route shows experiments'),
  }),
}

export function putDatasetsIdShare(app: App, { db, clock }: Services): void {
  app.put('/datasets/:id/share', { schema }, async (request) => {
    const { tenantId } = request.principal
    const { id } = await findDataset(db, tenantId, request.params.id)
    const token = await shareUpsert(db, tenantId, 'dataset', id, clock.now())
    return { dataset_id: id, share_token: token }
  })
}
