import { z } from 'zod'
import type { Queryable } from '../../../store/pool.ts'
import { datasetListCounted, type CountedDataset } from '../../../store/read/datasets/datasets.ts'
import { exampleCount, exampleList } from '../../../store/read/datasets/examples.ts'
import { shareFindByToken } from '../../../store/read/shares.ts'
import { wholeAnswer } from '../../answer-schemas.ts'
import type { App, Services } from '../../services.ts'
import { attachmentUrls } from '../attachments.ts'
import { notFound } from '../errors.ts'
import { momentOf } from '../examples/as-of.ts'
import {
  exampleFields,
  selectedExampleAnswer,
  type ExampleField,
} from '../examples/example-answer.ts'
import { selectedExample } from '../examples/example-from-row.ts'
import { exampleConditions, exampleFilter } from '../examples/get-examples.ts'
import { flag, ignored, listOf, page, uuid } from '../schemas.ts'
import { publicDatasetAnswer, type PublicDatasetAnswer } from './dataset-answer.ts'
import { countedDatasetFromRow } from './dataset-from-row.ts'
import { datasetSorts } from './get-datasets.ts'

const tags = ['langsmith public']
const params = z.object({ share_token: uuid })
/** The token in the path is the only credential. */
const config = { scope: 'none', isPublicRead: true } as const

const oneDataset = 'a token shares one dataset, which is the answer'

const datasetSchema = {
  tags,
  summary: 'Read the dataset that a token shares',
  params,
  querystring: z.object({
    offset: ignored(page.offset, oneDataset),
    limit: ignored(page.limit, oneDataset),
    sort_by: ignored(z.enum(datasetSorts).optional(), oneDataset),
    sort_by_desc: ignored(flag.optional(), oneDataset),
  }),
  response: { 200: publicDatasetAnswer },
}

/** Conditions that a reader may set; the dataset is the one that the token shares. */
const sharedConditions = exampleConditions.pick({
  id: true,
  as_of: true,
  metadata: true,
  filter: true,
})

const examplesSchema = {
  tags,
  summary: 'List the examples of the dataset that a token shares',
  params,
  querystring: sharedConditions.extend({
    select: listOf(z.enum(exampleFields)).optional(),
    ...page,
  }),
  response: { 200: z.array(selectedExampleAnswer) },
}

const countSchema = {
  tags,
  summary: 'Count the examples of the dataset that a token shares',
  params,
  querystring: sharedConditions,
  response: { 200: wholeAnswer },
}

const publicFields = new Set(Object.keys(publicDatasetAnswer.shape))

/** All but the run that an example comes from, which the token does not share. */
const shownFields: readonly ExampleField[] = exampleFields.filter(
  (field) => field !== 'source_run_id',
)

/** Reads of a shared dataset by its token (contracts/langsmith.md 2.9). */
export function publicRoutes(app: App, services: Services): void {
  const { db } = services

  app.get('/public/:share_token/datasets', { schema: datasetSchema, config }, async (request) => {
    const { tenantId, dataset } = await findShared(db, request.params.share_token)
    const whole = countedDatasetFromRow(tenantId, dataset)
    return Object.fromEntries(
      Object.entries(whole).filter(([name]) => publicFields.has(name)),
    ) as PublicDatasetAnswer
  })

  app.get('/public/:share_token/examples', { schema: examplesSchema, config }, async (request) => {
    const { tenantId, dataset } = await findShared(db, request.params.share_token)
    const { limit, offset, select = shownFields } = request.query
    const rows = await exampleList(db, {
      tenantId,
      filter: { ...exampleFilter(request.query), datasetId: dataset.id },
      asOf: momentOf(request.query.as_of),
      limit,
      offset,
    })
    // Links to attachments are signed for the tenant; the token itself grants no scope.
    request.principal = { tenantId, tenantName: '', scopes: [] }
    const selected = select.filter((field) => shownFields.includes(field))
    const urls = attachmentUrls(services, request)
    return rows.map((row) => selectedExample(row, selected, urls))
  })

  app.get(
    '/public/:share_token/examples/count',
    { schema: countSchema, config },
    async (request) => {
      const { tenantId, dataset } = await findShared(db, request.params.share_token)
      const filter = { ...exampleFilter(request.query), datasetId: dataset.id }
      return exampleCount(db, { tenantId, filter, asOf: momentOf(request.query.as_of) })
    },
  )
}

/** @throws LangsmithError 404 for a token that shares no dataset */
async function findShared(
  db: Queryable,
  token: string,
): Promise<{ tenantId: string; dataset: CountedDataset }> {
  const shared = await shareFindByToken(db, 'dataset', token)
  if (shared === null) throw notFound('Dataset')
  const { tenantId, id } = shared
  const query = { tenantId, filter: { ids: [id] }, limit: 1, offset: 0 }
  const [dataset] = await datasetListCounted(db, query)
  if (dataset === undefined) throw notFound('Dataset')
  return { tenantId, dataset }
}
