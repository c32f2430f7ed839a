import { z } from 'zod'
import { resolveId } from '../../../domain/ids.ts'
import { datasetFind } from '../../../store/read/datasets/datasets.ts'
import { exampleFind } from '../../../store/read/datasets/example.ts'
import { exampleDeleteMany } from '../../../store/write/examples.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { withMedia } from '../media/media-references.ts'
import { messageAnswer } from '../requests.ts'
import { datasetItemAnswer, datasetItemFromRow } from './dataset-from-row.ts'

const params = z.object({ id: z.string() })
const tags = ['langfuse dataset items']

/** One dataset item (contracts/langfuse.md 2.5). */
export function datasetItemsIdRoutes(app: App, services: Services): void {
  const { db, clock } = services

  // Answers the latest version, archived or not.
  const getSchema = {
    params,
    response: { 200: datasetItemAnswer },
    tags,
    summary: 'Read a dataset item',
  }
  app.get('/dataset-items/:id', { schema: getSchema }, async (request) => {
    const { tenantId } = request.principal
    const { id } = resolveId('example', request.params.id)
    const item = await exampleFind(db, tenantId, id, null)
    const dataset = item && (await datasetFind(db, tenantId, item.datasetId))
    if (item === null || dataset === null) throw notFound('Dataset item not found')
    const [row] = await withMedia(services, request, [item])
    return datasetItemFromRow(dataset, row!)
  })

  // Deletes from the latest version on: older versions and run items stay.
  const deleteSchema = {
    params,
    response: { 200: messageAnswer },
    tags,
    summary: 'Delete a dataset item',
  }
  app.delete('/dataset-items/:id', { schema: deleteSchema }, async (request) => {
    const { tenantId } = request.principal
    const { id } = request.params
    const ids = [resolveId('example', id).id]
    const deleted = await exampleDeleteMany(db, { tenantId, ids, now: clock.now() })
    if (deleted.length === 0) {
      throw notFound(`Dataset item with id ${id} not found for project ${tenantId}`)
    }
    return { message: 'Dataset item successfully deleted' }
  })
}
