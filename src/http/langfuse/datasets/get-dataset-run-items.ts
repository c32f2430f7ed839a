import { z } from 'zod'
import { resolveId } from '../../../domain/ids.ts'
import { experimentFindOfDataset } from '../../../store/read/experiments/dataset-experiments.ts'
import { runItemCount, runItemList } from '../../../store/read/experiments/run-items.ts'
import type { App, Services } from '../../services.ts'
import { datasetRunItemAnswer, datasetRunItemFromRow } from './dataset-run-item-from-row.ts'
import { notFound } from '../errors.ts'
import { metaOf, offsetOf, page, pageOf, text } from '../requests.ts'

/** Lists all items of a run, repetitions included, newest first (contracts/langfuse.md 2.2). */
export function getDatasetRunItems(app: App, { db }: Services): void {
  const schema = {
    querystring: z.object({ datasetId: z.string(), runName: text, ...page }),
    response: { 200: pageOf(datasetRunItemAnswer) },
    tags: ['langfuse dataset run items'],
    summary: 'List the items of a dataset run',
  }
  // The name of a run may be empty.
  const config = { emptyParameters: ['runName'] }
  app.get('/dataset-run-items', { schema, config }, async ({ principal: { tenantId }, query }) => {
    const { datasetId, runName, limit } = query
    const { id } = resolveId('dataset', datasetId)
    const run = await experimentFindOfDataset(db, tenantId, id, runName)
    if (run === null) throw notFound('Dataset run not found for the given project and dataset id')
    const [rows, total] = await Promise.all([
      runItemList(db, tenantId, run.id, { limit, offset: offsetOf(query) }),
      runItemCount(db, tenantId, run.id),
    ])
    return { data: rows.map(datasetRunItemFromRow), meta: metaOf(query, total) }
  })
}
