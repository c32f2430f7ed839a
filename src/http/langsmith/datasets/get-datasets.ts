import { z } from 'zod'
import {
  datasetListCounted,
  type CountedDataset,
  type DatasetFilter,
} from '../../../store/read/datasets/datasets.ts'
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

/** Conditions on datasets; all that are given must hold. */
export const datasetConditions = {
  id: uuidList.optional(),
  data_type: listOf(z.enum(datasetTypes)).optional(),
  name: text.optional(),
  name_contains: searchedText.optional(),
  metadata: jsonObjectText.optional(),
  sort_by: z.enum(datasetSorts).default('last_session_start_time'),
  exclude: listOf(z.string()).optional(),
  tag_value_id: uuidList.optional(),
  exclude_corrections_datasets: ignored(flag.optional(), 'there are no datasets of corrections'),
}

const schema = {
  tags: ['langsmith datasets'],
  summary: 'List datasets; all conditions given must hold',
  querystring: z.object({
    ...datasetConditions,
    sort_by_desc: flag.default(true),
    ...page,
  }),
  response: { 200: z.array(listedDatasetAnswer) },
}

export function getDatasets(app: App, { db }: Services): void {
  app.get('/datasets', { schema }, async (request) => {
    const { tenantId } = request.principal
    const given = request.query
    if (asksForTags(given)) return []
    const rows = await datasetListCounted(db, {
      tenantId,
      filter: readDatasetFilter(given),
      sort: given.sort_by,
      isAscending: !given.sort_by_desc,
      limit: given.limit,
      offset: given.offset,
    })
    return rows.map((row) => listedDatasetFromRow(tenantId, row, given.exclude))
  })
}

type Conditions = z.output<z.ZodObject<typeof datasetConditions>>

/** Runmill has no resource tags, so no dataset has any. */
export function asksForTags({ tag_value_id: ids = [] }: Pick<Conditions, 'tag_value_id'>): boolean {
  return ids.length > 0
}

export function readDatasetFilter(given: Conditions): DatasetFilter {
  return {
    ...(given.id === undefined ? {} : { ids: given.id }),
    ...(given.data_type === undefined ? {} : { dataTypes: given.data_type }),
    ...(given.name === undefined ? {} : { names: [given.name] }),
    ...(given.name_contains === undefined ? {} : { nameContains: given.name_contains }),
    ...(given.metadata === undefined ? {} : { metadata: given.metadata }),
  }
}

/** A dataset in a list. @param exclude fields that are not wanted */
export function listedDatasetFromRow(
  tenantId: string,
  row: CountedDataset,
  exclude: readonly string[] = [],
): z.output<typeof listedDatasetAnswer> {
  return {
    ...countedDatasetFromRow(tenantId, row),
    ...(exclude.includes('example_count') ? { example_count: null } : {}),
  }
}
