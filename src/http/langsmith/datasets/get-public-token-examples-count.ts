import { exampleCount } from '../../../store/read/datasets/examples.ts'
import type { App, Services } from '../../services.ts'
import { momentOf } from '../examples/as-of.ts'
import { exampleFilter } from '../examples/get-examples.ts'
import { findShared, sharedParams } from './get-public-token-datasets.ts'
import { sharedConditions } from './get-public-token-examples.ts'

const schema = {
  tags: ['langsmith public'],
  summary: 'Count the examples of the dataset that a token shares',
  params: sharedParams,
  querystring: sharedConditions,
}

export function getPublicTokenExamplesCount(app: App, { db }: Services): void {
  const options = { schema, config: { scope: 'none' as const } }
  app.get('/public/:share_token/examples/count', options, async (request) => {
    const { tenantId, dataset } = await findShared(db, request.params.share_token)
    const filter = { ...exampleFilter(request.query), datasetId: dataset.id }
    return exampleCount(db, { tenantId, filter, asOf: momentOf(request.query.as_of) })
  })
}
