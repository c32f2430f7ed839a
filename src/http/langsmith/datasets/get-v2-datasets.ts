import { z } from 'zod'
import { datasetListCountedAfter, type DatasetKey } from '../../../store/read/datasets/datasets.ts'
import type { App, Services } from '../../services.ts'
import { readCursor, writeCursor } from '../cursor.ts'
import { listedDatasetAnswer } from './dataset-answer.ts'
import {
  asksForTags,
  datasetConditions,
  listedDatasetFromRow,
  readDatasetFilter,
} from './get-datasets.ts'

const schema = {
  tags: ['langsmith datasets'],
  summary: 'List datasets by a cursor; all conditions given must hold',
  querystring: z.object({
    ...datasetConditions,
    sort_order: z.enum(['asc', 'desc']).default('desc'),
    page_size: z.coerce.number().int().min(1).max(100).default(100),
    cursor: z.string().optional(),
  }),
  response: {
    200: z.object({ items: z.array(listedDatasetAnswer), next_cursor: z.string().nullable() }),
  },
}

/** `GET /v2/datasets`: as `GET /datasets`, with a cursor (contracts/langsmith.md 2.10.7). */
export function getV2Datasets(app: App, { db }: Services): void {
  app.get('/v2/datasets', { schema, config: { errorShape: 'problem' } }, async (request) => {
    const { principal, query: given } = request
    const { sort_by: sort, sort_order: order, page_size: limit, cursor } = given
    const list = `datasets ${sort} ${order}`
    const after = cursor === undefined ? null : readKey(readCursor(principal, list, cursor))
    if (asksForTags(given)) return { items: [], next_cursor: null }
    const { tenantId } = principal
    const query = {
      tenantId,
      filter: readDatasetFilter(given),
      sort,
      isAscending: order === 'asc',
      limit,
    }
    const page = await datasetListCountedAfter(db, query, after)
    return {
      items: page.rows.map((row) => listedDatasetFromRow(tenantId, row, given.exclude)),
      next_cursor: page.next === null ? null : writeCursor(principal, list, writeKey(page.next)),
    }
  })
}

function writeKey({ id, createdAt, value }: DatasetKey): string[] {
  return value === null ? [id, createdAt] : [id, createdAt, value]
}

function readKey([id = '', createdAt = '', value]: string[]): DatasetKey {
  return { id, createdAt, value: value ?? null }
}
