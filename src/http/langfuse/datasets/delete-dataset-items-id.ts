import { z } from 'zod'
import { resolveId } from '../../../domain/ids.ts'
import { exampleDeleteMany } from '../../../store/write/examples.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'

/** Deletes from the latest version on: older versions and run items stay. */
export function deleteDatasetItemsId(app: App, { db, clock }: Services): void {
  const schema = {
    params: z.object({ id: z.string() }),
    tags: ['langfuse dataset items'],
    summary: 'Delete a dataset item',
  }
  app.delete('/dataset-items/:id', { schema }, async ({ principal: { tenantId }, params }) => {
    const ids = [resolveId('example', params.id).id]
    const deleted = await exampleDeleteMany(db, { tenantId, ids, now: clock.now() })
    if (deleted.length === 0) {
      throw notFound(`Dataset item with id ${params.id} not found for project ${tenantId}`)
    }
    return { message: 'Dataset item successfully deleted' }
  })
}
