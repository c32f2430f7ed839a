import { z } from 'zod'
import { resolveId } from '../../../domain/ids.ts'
import { datasetList, type Dataset } from '../../../store/read/datasets/datasets.ts'
import {
  exampleCount,
  exampleList,
  type ExampleFilter,
} from '../../../store/read/datasets/examples.ts'
import type { App, Services } from '../../services.ts'
import { datasetItemAnswer, datasetItemFromRow } from './dataset-from-row.ts'
import { findDataset } from './find-dataset.ts'
import { withMedia } from '../media/media-references.ts'
import { lenientDate, metaOf, offsetOf, page, pageOf, text } from '../requests.ts'

const querystring = z
  .object({
    datasetName: text.optional(),
    sourceTraceId: z.string().optional(),
    sourceObservationId: z.string().optional(),
    version: lenientDate.optional(),
    ...page,
  })
  .refine(({ version, datasetName }) => version === undefined || Boolean(datasetName), {
    path: ['datasetName'],
    message: 'datasetName is required when version parameter is provided',
  })

/** Lists active items, newest version first; with `version`, as they were at that time (contracts/langfuse.md 2.5). */
export function getDatasetItems(app: App, services: Services): void {
  const { db } = services
  const schema = {
    querystring,
    response: { 200: pageOf(datasetItemAnswer) },
    tags: ['langfuse dataset items'],
    summary: 'List dataset items',
  }
  app.get('/dataset-items', { schema }, async (request) => {
    const { principal, query } = request
    const { tenantId } = principal
    const { datasetName, sourceTraceId, sourceObservationId, version = null } = query
    const dataset = datasetName ? await findDataset(db, tenantId, datasetName) : null
    const filter: ExampleFilter = {
      archived: false,
      ...(dataset === null ? {} : { datasetId: dataset.id }),
      ...(sourceTraceId ? { sourceTraceId: resolveId('trace', sourceTraceId).id } : {}),
      ...(sourceObservationId ? { sourceRunId: resolveId('run', sourceObservationId).id } : {}),
    }
    const asked = { tenantId, filter, asOf: version }
    const [examples, total] = await Promise.all([
      exampleList(db, { ...asked, limit: query.limit, offset: offsetOf(query) }),
      exampleCount(db, asked),
    ])
    const rows = await withMedia(services, request, examples)
    const datasets = new Map<string, Dataset>()
    if (dataset !== null) datasets.set(dataset.id, dataset)
    else {
      const ids = [...new Set(rows.map((row) => row.datasetId))]
      const found = await datasetList(db, {
        tenantId,
        filter: { ids },
        limit: ids.length,
        offset: 0,
      })
      for (const one of found) datasets.set(one.id, one)
    }
    const data = rows.flatMap((row) => {
      const own = datasets.get(row.datasetId)
      // Undefined when the dataset was deleted between the two queries.
      return own === undefined ? [] : [datasetItemFromRow(own, row)]
    })
    return { data, meta: metaOf(query, total) }
  })
}
