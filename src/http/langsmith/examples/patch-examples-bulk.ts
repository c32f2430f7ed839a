import { z } from 'zod'
import { sliceElements, sliceMembers } from '../../../domain/json.ts'
import { exampleFind } from '../../../store/read/datasets/examples.ts'
import type { App, Services } from '../../services.ts'
import { elsewhere, exampleUpdate, updateExamples } from './example-writes.ts'
import { notFound } from '../errors.ts'
import { uuid } from '../schemas.ts'

const schema = {
  tags: ['langsmith examples'],
  summary: 'Change examples of one dataset, all or none; null leaves, unless it is to overwrite',
  body: z.array(exampleUpdate.extend({ id: uuid })),
}

export function patchExamplesBulk(app: App, services: Services): void {
  app.patch('/examples/bulk', { schema }, async (request) => {
    const { tenantId } = request.principal
    const [first] = request.body
    if (first === undefined) return { count: 0, example_ids: [] }
    const current = await exampleFind(services.db, tenantId, first.id, null)
    if (current === null) throw notFound('Example')
    const { datasetId } = current
    const isElsewhere = request.body.some(({ dataset_id: id }) => (id ?? datasetId) !== datasetId)
    if (isElsewhere) throw elsewhere()
    const texts = sliceElements(request.bodyText)
    const updates = request.body.map(({ id }, i) => ({
      id,
      members: sliceMembers(texts[i]!),
      loc: ['body', i],
    }))
    const changed = await updateExamples(services, tenantId, datasetId, updates)
    const ids = changed.map((example) => example.id)
    return { count: ids.length, example_ids: ids, as_of: changed[0]!.validFrom }
  })
}
