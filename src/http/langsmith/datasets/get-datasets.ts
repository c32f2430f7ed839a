import { z } from 'zod'
import { datasetListCounted } from '../../../store/read/datasets/datasets.ts'
import type { App, Services } from '../../services.ts'
import { listedDatasetAnswer } from './dataset-answer.ts'
import { countedDatasetFromRow } from './dataset-from-row.ts'
import { datasetTypes } from './post-datasets.ts'
import {
  flag,
  ignored,
  jsonObjectText,
  listOf,
  page,
  searchedText,
  text,
  uuidList,
} from '../schemas.ts'

export const datasetSorts = [
  'name',
  'created_at',
  'last_session_start_time',
  'example_count',
  'session_count',
  'modified_at',
] as const

const schema = {
  tags: ['langsmith datasets'],
  summary: 'List datasets; all conditions given must hold',
  querystring: z.object({
    id: uuidList.optional(),
    data_type: listOf(z.enum(datasetTypes)).optional(),
    name: text.optional(),
    name_contains: searchedText.optional(),
    metadata: jsonObjectText.optional(),
    sort_by: z.enum(datasetSorts).default('last_session_start_time'),
    sort_by_desc: flag.default(true),
    exclude: listOf(z.string()).optional(),
    tag_value_id: uuidList.optional(),
    exclude_corrections_datasets: ignored(flag.optional(), 'there are no datasets of corrections'),
    ...page,
  }),
  response: { 200: z.array(listedDatasetAnswer) },
}

export function getDatasets(app: App, { db }: Services): void {
  app.get('/datasets', { schema }, async (request) => {
    const { tenantId } = request.principal
    const given = request.query
    // Runmill has no resource tags, so no dataset has any of these.
    if (given.tag_value_id !== undefined && given.tag_value_id.length > 0) return []
    const rows = await datasetListCounted(db, {
      tenantId,
      filter: {
        ...(given.id === undefined ? {} : { ids: given.id }),
        ...(given.data_type === undefined ? {} : { dataTypes: given.data_type }),
        ...(given.name === undefined ? {} : { names: [given.name] }),
        ...(given.name_contains === undefined ? {} : { nameContains: given.name_contains }),
        ...(given.metadata === undefined ? {} : { metadata: given.metadata }),
      },
      sort: given.sort_by,
      isAscending: !given.sort_by_desc,
      limit: given.limit,
      offset: given.offset,
    })
    const isUncounted = given.exclude?.includes('example_count') ?? false
    return rows.map((row) => ({
      ...countedDatasetFromRow(tenantId, row),
      ...(isUncounted ? { example_count: null } : {}),
    }))
  })
}
