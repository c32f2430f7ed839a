import { z } from 'zod'
import { sliceElements, sliceMembers } from '../../../domain/json.ts'
import type { App, Services } from '../../services.ts'
import { attachmentUrls } from '../attachments.ts'
import { exampleFromRow } from './example-from-row.ts'
import { createExamples, exampleCreate } from './example-writes.ts'
import { invalid } from '../errors.ts'

const schema = {
  tags: ['langsmith examples'],
  summary: 'Create examples of one dataset, all or none',
  body: z.array(exampleCreate),
}

export function postExamplesBulk(app: App, services: Services): void {
  app.post('/examples/bulk', { schema }, async (request) => {
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
