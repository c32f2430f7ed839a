import { z } from 'zod'
import { exampleList } from '../../../store/read/datasets/examples.ts'
import type { App, Services } from '../../services.ts'
import { momentOf } from '../examples/as-of.ts'
import { attachmentUrls } from '../attachments.ts'
import { exampleFields, selectedExample, type ExampleField } from '../examples/example-from-row.ts'
import { exampleConditions, exampleFilter } from '../examples/get-examples.ts'
import { findShared, sharedParams } from './get-public-token-datasets.ts'
import { listOf, page } from '../schemas.ts'

/** Which of the shared examples: a token shares one dataset only. */
export const sharedConditions = exampleConditions.pick({
  id: true,
  as_of: true,
  metadata: true,
  filter: true,
})

const schema = {
  tags: ['langsmith public'],
  summary: 'List the examples of the dataset that a token shares',
  params: sharedParams,
  querystring: sharedConditions.extend({
    select: listOf(z.enum(exampleFields)).optional(),
    ...page,
  }),
}

/** All but the run that an example comes from, which the token does not share. */
const shownFields: readonly ExampleField[] = exampleFields.filter(
  (field) => field !== 'source_run_id',
)

export function getPublicTokenExamples(app: App, services: Services): void {
  const options = { schema, config: { scope: 'none' as const } }
  app.get('/public/:share_token/examples', options, async (request) => {
    const { tenantId, dataset } = await findShared(services.db, request.params.share_token)
    const { limit, offset, select = shownFields } = request.query
    const rows = await exampleList(services.db, {
      tenantId,
      filter: { ...exampleFilter(request.query), datasetId: dataset.id },
      asOf: momentOf(request.query.as_of),
      limit,
      offset,
    })
    // Links to attachments are signed for the tenant; the token itself may do nothing else.
    request.principal = { tenantId, tenantName: '', scopes: [] }
    const selected = select.filter((field) => shownFields.includes(field))
    const urls = attachmentUrls(services, request)
    return rows.map((row) => selectedExample(row, selected, urls))
  })
}
