import { z } from 'zod'
import { sliceElements, sliceMembers } from '../../../domain/json.ts'
import type { App, Services } from '../../services.ts'
import { attachmentUrls } from '../attachments.ts'
import { invalid } from '../errors.ts'
import { exampleAnswer } from './example-answer.ts'
import { exampleFromRow } from './example-from-row.ts'
import { createExamples, exampleCreate } from './example-writes.ts'

const tags = ['langsmith examples']

const oneSchema = {
  tags,
  summary: 'Create an example',
  body: exampleCreate,
  response: { 200: exampleAnswer },
}

const manySchema = {
  tags,
  summary: 'Create examples of one dataset, all or none',
  body: z.array(exampleCreate),
  response: { 200: z.array(exampleAnswer) },
}

export function postExamples(app: App, services: Services): void {
  app.post('/examples', { schema: oneSchema }, async (request) => {
    const { tenantId } = request.principal
    const creates = [{ members: sliceMembers(request.bodyText), loc: ['body'] }]
    const [made] = await createExamples(services, tenantId, request.body.dataset_id, creates)
    return exampleFromRow(made!, attachmentUrls(services, request))
  })

  app.post('/examples/bulk', { schema: manySchema }, async (request) => {
    const [first] = request.body
    if (first === undefined) return []
    const other = request.body.findIndex((example) => example.dataset_id !== first.dataset_id)
    if (other !== -1) {
      throw invalid(
        ['body', other, 'dataset_id'],
        'All examples of a request belong to one dataset',
      )
    }
    const creates = sliceElements(request.bodyText).map((text, i) => ({
      members: sliceMembers(text),
      loc: ['body', i],
    }))
    const { tenantId } = request.principal
    const made = await createExamples(services, tenantId, first.dataset_id, creates)
    const urls = attachmentUrls(services, request)
    return made.map((row) => exampleFromRow(row, urls))
  })
}
