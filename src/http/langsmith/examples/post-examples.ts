import { sliceMembers } from '../../../domain/json.ts'
import type { App, Services } from '../../services.ts'
import { attachmentUrls } from '../attachments.ts'
import { exampleFromRow } from './example-from-row.ts'
import { createExamples, exampleCreate } from './example-writes.ts'

const schema = {
  tags: ['langsmith examples'],
  summary: 'Create an example',
  body: exampleCreate,
}

export function postExamples(app: App, services: Services): void {
  app.post('/examples', { schema }, async (request) => {
    const { tenantId } = request.principal
    const creates = [{ members: sliceMembers(request.bodyText), loc: ['body'] }]
    const [made] = await createExamples(services, tenantId, request.body.dataset_id, creates)
    return exampleFromRow(made!, attachmentUrls(services, request))
  })
}
