import { z } from 'zod'
import { resolveId } from '../../domain/ids.ts'
import { datasetFind } from '../../store/read/datasets.ts'
import { exampleFind } from '../../store/read/examples.ts'
import type { App, HttpParts } from '../parts.ts'
import { datasetItemFromRow } from './dataset-from-row.ts'
import { notFound } from './errors.ts'

/** The latest version, archived or not. */
export function getDatasetItemsId(app: App, { db }: HttpParts): void {
  const schema = {
    params: z.object({ id: z.string() }),
    tags: ['langfuse dataset items'],
    summary: 'Read a dataset item',
  }
  app.get('/dataset-items/:id', { schema }, async ({ principal: { tenantId }, params }) => {
    const item = await exampleFind(db, tenantId, resolveId('example', params.id).id, null)
    const dataset = item && (await datasetFind(db, tenantId, item.datasetId))
    if (item === null || dataset === null) throw notFound('Dataset item not found')
    return datasetItemFromRow(dataset, item)
  })
}
