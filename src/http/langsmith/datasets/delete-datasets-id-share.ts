import { z } from 'zod'
import { shareDelete } from '../../../store/write/shares.ts'
import type { App, Services } from '../../services.ts'
import { findDataset } from '../examples/as-of.ts'
import { uuid } from '../schemas.ts'

const schema = {
  tags: ['langsmith datasets'],
  summary: 'Stop sharing a dataset: its token is good for nothing any more',
  params: z.object({ id: uuid }),
}

export function deleteDatasetsIdShare(app: App, { db }: Services): void {
  app.delete('/datasets/:id/share', { schema }, async (request) => {
    const { tenantId } = request.principal
    const { id } = await findDataset(db, tenantId, request.params.id)
    await shareDelete(db, tenantId, 'dataset', id)
    return { message: 'Dataset unshared' }
  })
}
