import { exampleCount } from '../../store/read/examples.ts'
import type { App, HttpParts } from '../parts.ts'
import { exampleConditions, exampleFilter } from './get-examples.ts'

const schema = {
  tags: ['langsmith examples'],
  summary: 'Count examples',
  querystring: exampleConditions,
}

export function getExamplesCount(app: App, { db }: HttpParts): void {
  app.get('/examples/count', { schema }, async (request) => {
    const { as_of: asOf } = request.query
    const filter = exampleFilter(request.query)
    if (asOf.kind === 'tag') return 0
    const { tenantId } = request.principal
    return exampleCount(db, { tenantId, filter, asOf: asOf.kind === 'time' ? asOf.time : null })
  })
}
