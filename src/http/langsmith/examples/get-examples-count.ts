import { exampleCount } from '../../../store/read/datasets/examples.ts'
import type { App, Services } from '../../services.ts'
import { momentOf } from './as-of.ts'
import { exampleConditions, exampleFilter } from './get-examples.ts'

const schema = {
  tags: ['langsmith examples'],
  summary: 'Count examples',
  querystring: exampleConditions,
}

export function getExamplesCount(app: App, { db }: Services): void {
  app.get('/examples/count', { schema }, async (request) => {
    const { tenantId } = request.principal
    const filter = exampleFilter(request.query)
    return exampleCount(db, { tenantId, filter, asOf: momentOf(request.query.as_of) })
  })
}
