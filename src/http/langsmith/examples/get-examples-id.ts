import { z } from 'zod'
import { exampleFind } from '../../../store/read/datasets/example.ts'
import type { App, Services } from '../../services.ts'
import { momentOf } from './as-of.ts'
import { attachmentUrls } from '../attachments.ts'
import { exampleAnswer } from './example-answer.ts'
import { exampleFromRow } from './example-from-row.ts'
import { notFound } from '../errors.ts'
import { asOf, uuid } from '../schemas.ts'

const schema = {
  tags: ['langsmith examples'],
  summary: 'Read an example',
  params: z.object({ id: uuid }),
  querystring: z.object({ as_of: asOf, dataset: uuid.optional() }),
  response: { 200: exampleAnswer },
}

export function getExamplesId(app: App, services: Services): void {
  app.get('/examples/:id', { schema }, async (request) => {
    const { tenantId } = request.principal
    const { as_of: version, dataset } = request.query
    const row = await exampleFind(services.db, tenantId, request.params.id, momentOf(version))
    if (row === null || row.archived) throw notFound('Example')
    if (dataset !== undefined && dataset !== row.datasetId) throw notFound('Example')
    return exampleFromRow(row, attachmentUrls(services, request))
  })
}
