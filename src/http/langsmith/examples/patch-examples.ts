import { z } from 'zod'
import { sliceElements, sliceMembers } from '../../../domain/json.ts'
import { exampleFind } from '../../../store/read/datasets/example.ts'
import type { App, Services } from '../../services.ts'
import { attachmentUrls } from '../attachments.ts'
import { notFound } from '../errors.ts'
import { uuid } from '../schemas.ts'
import { exampleAnswer, writtenAnswer } from './example-answer.ts'
import { exampleFromRow } from './example-from-row.ts'
import { elsewhere, exampleUpdate, updateExamples } from './example-writes.ts'

const tags = ['langsmith examples']

const oneSchema = {
  tags,
  summary: 'Change an example; null leaves, unless it is to overwrite',
  params: z.object({ id: uuid }),
  body: exampleUpdate,
  response: { 200: exampleAnswer },
}

const manySchema = {
  tags,
  summary: 'Change examples of one dataset, all or none; null leaves, unless it is to overwrite',
  body: z.array(exampleUpdate.extend({ id: uuid })),
  response: { 200: writtenAnswer.partial({ as_of: true }) },
}

export function patchExamples(app: App, services: Services): void {
  const { db } = services

  app.patch('/examples/:id', { schema: oneSchema }, async (request) => {
    const { tenantId } = request.principal
    const { id } = request.params
    const current = await exampleFind(db, tenantId, id, null)
    if (current === null) throw notFound('Example')
    const datasetId = request.body.dataset_id ?? current.datasetId
    if (datasetId !== current.datasetId) throw elsewhere()
    const updates = [{ id, members: sliceMembers(request.bodyText), loc: ['body'] }]
    const [changed] = await updateExamples(services, tenantId, datasetId, updates)
    return exampleFromRow(changed!, attachmentUrls(services, request))
  })

  app.patch('/examples/bulk', { schema: manySchema }, async (request) => {
    const { tenantId } = request.principal
    const [first] = request.body
    if (first === undefined) return { count: 0, example_ids: [] }
    const current = await exampleFind(db, tenantId, first.id, null)
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
