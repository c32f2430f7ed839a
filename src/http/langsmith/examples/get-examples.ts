import { z } from 'zod'
import {
  exampleCount,
  exampleList,
  type ExampleFilter,
  type ExampleOrder,
} from '../../../store/read/datasets/examples.ts'
import { wholeAnswer } from '../../answer-schemas.ts'
import type { App, Services } from '../../services.ts'
import { attachmentUrls } from '../attachments.ts'
import { momentOf } from './as-of.ts'
import { exampleFields, selectedExampleAnswer } from './example-answer.ts'
import { selectedExample } from './example-from-row.ts'
import { parseExampleFilter } from '../../filter/filter-parse.ts'
import {
  asOf,
  flag,
  jsonObjectText,
  listOf,
  page,
  readFilter,
  searchedText,
  text,
  uuid,
  uuidList,
} from '../schemas.ts'

/** Which examples are meant, and of which version (contracts/langsmith.md 2.4.2). */
export const exampleConditions = z.object({
  dataset: uuid.optional(),
  id: uuidList.optional(),
  as_of: asOf,
  metadata: jsonObjectText.optional(),
  full_text_contains: listOf(searchedText, { max: 20 }).optional(),
  splits: listOf(text).optional(),
  filter: z.string().optional(),
})

const tags = ['langsmith examples']

const listSchema = {
  tags,
  summary: 'List examples; all conditions given must hold',
  querystring: exampleConditions.extend({
    order: z.enum(['recent', 'random', 'recently_created', 'id']).default('recent'),
    random_seed: z.coerce.number().optional(),
    descending: flag.optional(),
    select: listOf(z.enum(exampleFields)).optional(),
    ...page,
  }),
  response: { 200: z.array(selectedExampleAnswer) },
}

const countSchema = {
  tags,
  summary: 'Count examples',
  querystring: exampleConditions,
  response: { 200: wholeAnswer },
}

/** An example that Langfuse has archived counts as deleted: only its versions from before then are listed. */
export function getExamples(app: App, services: Services): void {
  const { db } = services

  app.get('/examples', { schema: listSchema }, async (request) => {
    const { tenantId } = request.principal
    const given = request.query
    const rows = await exampleList(db, {
      tenantId,
      filter: exampleFilter(given),
      asOf: momentOf(given.as_of),
      order: orderOf(given),
      limit: given.limit,
      offset: given.offset,
    })
    const urls = attachmentUrls(services, request)
    return rows.map((row) => selectedExample(row, given.select, urls))
  })

  app.get('/examples/count', { schema: countSchema }, async (request) => {
    const { tenantId } = request.principal
    const filter = exampleFilter(request.query)
    return exampleCount(db, { tenantId, filter, asOf: momentOf(request.query.as_of) })
  })
}

export function exampleFilter(given: z.output<typeof exampleConditions>): ExampleFilter {
  const filter = readFilter(parseExampleFilter, given.filter)
  return {
    archived: false,
    ...(given.dataset === undefined ? {} : { datasetId: given.dataset }),
    ...(given.id === undefined ? {} : { ids: given.id }),
    ...(given.metadata === undefined ? {} : { metadata: given.metadata }),
    ...(given.full_text_contains === undefined ? {} : { texts: given.full_text_contains }),
    ...(given.splits === undefined ? {} : { splits: given.splits }),
    ...(filter === undefined ? {} : { filter }),
  }
}

/** Without a seed the order is still the same every time: otherwise pages would not fit together. */
function orderOf(given: {
  order: 'recent' | 'random' | 'recently_created' | 'id'
  random_seed?: number | undefined
  descending?: boolean | undefined
}): ExampleOrder {
  switch (given.order) {
    case 'recent':
      return { by: 'recent', isAscending: given.descending === false }
    case 'recently_created':
      return { by: 'created', isAscending: given.descending === false }
    case 'id':
      return { by: 'id', isAscending: given.descending !== true }
    case 'random':
      return { by: 'random', seed: String(given.random_seed ?? '') }
  }
}
