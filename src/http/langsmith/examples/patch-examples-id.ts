import { z } from 'zod'
import { sliceMembers } from '../../../domain/json.ts'
import { exampleFind } from '../../../store/read/datasets/examples.ts'
import type { App, Services } from '../../services.ts'
import { attachmentUrls } from '../attachments.ts'
import { exampleFromRow } from './example-from-row.ts'
import { elsewhere, exampleUpdate, updateExamples } from './example-writes.ts'
import { notFound } from '../errors.ts'
import { uuid } from '../schemas.ts'

const schema = {
  tags: ['langsmith examples'],
  summary: 'Change an example; null leaves, unless it is to overwrite',
  params: z.object({ id: uuid }),
  body: exampleUpdate,
}

export function patchExamplesId(app: App, services: Services): void {
  app.patch('/examples/:id', { schema }, async (request) => {
    const { tenantId } = request.principal
    const { id } = request.params
    const current = await exampleFind(services.db, tenantId, id, null)
    if (current === null) throw notFound('Example')
    const datasetId = request.body.dataset_id ?? current.datasetId
    if (datasetId !== current.datasetId) throw elsewhere()
    const updates = [{ id, members: sliceMembers(request.bodyText), loc: ['body'] }]
    const [changed] = await updateExamples(services, tenantId, datasetId, updates)
    return exampleFromRow(changed!, attachmentUrls(services, request))
  })
}
