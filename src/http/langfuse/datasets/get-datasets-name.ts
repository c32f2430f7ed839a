import { z } from 'zod'
import type { Example } from '../../../store/read/datasets/example.ts'
import { exampleList } from '../../../store/read/datasets/examples.ts'
import { datasetListContents } from '../../../store/read/experiments/dataset-experiments.ts'
import { answerOf } from '../../documented-answers.ts'
import type { App, Services } from '../../services.ts'
import { streamList } from '../json-stream.ts'
import { withMedia } from '../media/media-references.ts'
import { text } from '../requests.ts'
import {
  datasetAnswer,
  datasetFromRow,
  datasetItemAnswer,
  datasetItemFromRow,
} from './dataset-from-row.ts'
import { findDataset } from './find-dataset.ts'

/** Items that are read by one query. */
const pageSize = 100

const params = z.object({ name: text })
const tags = ['langfuse datasets']

const v1Schema = {
  params,
  response: {
    200: answerOf(
      200,
      datasetAnswer.extend({ runs: z.array(z.string()), items: z.array(datasetItemAnswer) }),
    ),
  },
  tags,
  summary: 'Read a dataset with its items and the names of its runs (v1)',
}

const v2Schema = {
  params,
  response: { 200: datasetAnswer },
  tags,
  summary: 'Read a dataset',
}

/** One dataset by its name (contracts/langfuse.md 2.3). */
export function getDatasetsName(app: App, services: Services): void {
  const { db } = services

  // v1 answers all active items and the names of all runs. It has no pages, so the items are streamed.
  app.get('/datasets/:name', { schema: v1Schema }, async (request, reply) => {
    const { principal, params: path } = request
    const { tenantId } = principal
    const dataset = await findDataset(db, tenantId, path.name)
    const names = await datasetListContents(db, tenantId, [dataset.id])
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

  app.get('/v2/datasets/:name', { schema: v2Schema }, async (request) => {
    const { tenantId } = request.principal
    return datasetFromRow(tenantId, await findDataset(db, tenantId, request.params.name))
  })
}
