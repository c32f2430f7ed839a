import { z } from 'zod'
import { datasetListNamesWithin } from '../../../store/read/experiments/dataset-experiments.ts'
import { exampleList, type Example } from '../../../store/read/datasets/examples.ts'
import type { App, Services } from '../../services.ts'
import { datasetFromRow, datasetItemFromRow } from './dataset-from-row.ts'
import { findDataset } from './find-dataset.ts'
import { streamList } from '../json-stream.ts'
import { withMedia } from '../media/media-references.ts'
import { text } from '../requests.ts'

/** Items read in one go. */
const pageSize = 100

/** v1: a dataset with all its active items and the names of its runs, unpaginated by contract (contracts/langfuse.md 2.3). */
export function getDatasetsName(app: App, services: Services): void {
  const { db } = services
  const schema = {
    params: z.object({ name: text }),
    tags: ['langfuse datasets'],
    summary: 'Read a dataset with its items and the names of its runs (v1)',
  }
  app.get('/datasets/:name', { schema }, async (request, reply) => {
    const { principal, params } = request
    const { tenantId } = principal
    const dataset = await findDataset(db, tenantId, params.name)
    const names = await datasetListNamesWithin(db, tenantId, [dataset.id])
    const head = {
      ...datasetFromRow(tenantId, dataset),
      runs: names.get(dataset.id)?.experimentNames ?? [],
    }
    const filter = { datasetId: dataset.id, archived: false }
    const list = async (after: Example | null) => {
      const place = { after, limit: pageSize, offset: 0 }
      return withMedia(
        services,
        request,
        await exampleList(db, { tenantId, filter, asOf: null, ...place }),
      )
    }
    const items = streamList(head, 'items', await list(null), list, (row) =>
      datasetItemFromRow(dataset, row),
    )
    return reply.type('application/json; charset=utf-8').send(items)
  })
}
