import { z } from 'zod'
import type { Queryable } from '../../../store/pool.ts'
import { datasetListCounted, type CountedDataset } from '../../../store/read/datasets/datasets.ts'
import { shareFindByToken } from '../../../store/read/shares.ts'
import type { App, Services } from '../../services.ts'
import { datasetFromRow } from './dataset-from-row.ts'
import { notFound } from '../errors.ts'
import { datasetSorts } from './get-datasets.ts'
import { flag, ignored, page, uuid } from '../schemas.ts'

/** The token is all that a reader needs. */
export const sharedParams = z.object({ share_token: uuid })

const oneDataset = 'a token shares one dataset, which is the answer'

const schema = {
  tags: ['langsmith public'],
  summary: 'Read the dataset that a token shares',
  params: sharedParams,
  querystring: z.object({
    offset: ignored(page.offset, oneDataset),
    limit: ignored(page.limit, oneDataset),
    sort_by: ignored(z.enum(datasetSorts).optional(), oneDataset),
    sort_by_desc: ignored(flag.optional(), oneDataset),
  }),
}

export function getPublicTokenDatasets(app: App, { db }: Services): void {
  const options = { schema, config: { scope: 'none' as const } }
  app.get('/public/:share_token/datasets', options, async (request) => {
    const { tenantId, dataset } = await findShared(db, request.params.share_token)
    const whole = datasetFromRow(tenantId, dataset)
    return {
      ...Object.fromEntries(publicFields.map((field) => [field, whole[field]])),
      example_count: dataset.exampleCount,
    }
  })
}

/** DatasetPublicSchema: nothing of the tenant, no metadata. */
const publicFields = [
  'id',
  'name',
  'description',
  'data_type',
  'created_at',
  'inputs_schema_definition',
  'outputs_schema_definition',
  'transformations',
  'externally_managed',
]

/** @throws LangsmithError 404 for a token that shares no dataset */
export async function findShared(
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
