import { z } from 'zod'
import { resolveId } from '../../../domain/ids.ts'
import { datasetFind } from '../../../store/read/datasets/datasets.ts'
import { exampleFind } from '../../../store/read/datasets/examples.ts'
import type { App, Services } from '../../services.ts'
import { datasetItemFromRow } from './dataset-from-row.ts'
import { notFound } from '../errors.ts'
import { withMedia } from '../media/media-references.ts'

/** The latest version, archived or not. */
export function getDatasetItemsId(app: App, services: Services): void {
  const { db } = services
  const schema = {
    params: z.object({ id: z.string() }),
    tags: ['langfuse dataset items'],
    summary: 'Read a dataset item',
  }
  app.get('/dataset-items/:id', { schema }, async (request) => {
    const { tenantId } = request.principal
    const { id } = resolveId('example', request.params.id)
    const item = await exampleFind(db, tenantId, id, null)
    const dataset = item && (await datasetFind(db, tenantId, item.datasetId))
    if (item === null || dataset === null) throw notFound('Dataset item not found')
    const [row] = await withMedia(services, request, [item])
    return datasetItemFromRow(dataset, row!)
  })
}
