import { z } from 'zod'
import { filterNarrow } from '../../../store/read/filter/narrow.ts'
import { traceSource } from '../../../store/read/traces/trace-columns.ts'
import { traceCount, traceList, traceOrderColumns } from '../../../store/read/traces/traces.ts'
import type { App, Services } from '../../services.ts'
import { traceFilterColumns } from '../filter-columns.ts'
import { anyOf, equals, filterOver, filtersOf, mergeFilter, within } from '../filter.ts'
import { metaOf, page, pageOf, strictDate, text, textList } from '../requests.ts'
import {
  traceDetails,
  traceDetailsAnswer,
  traceGroupsOf,
  traceColumnsOf,
} from './trace-from-row.ts'

/** Query: a column and a direction in either case, as `timestamp.desc`, which is the default. */
const order = z
  .string()
  .optional()
  .transform((sent) => {
    const [column, direction = ''] = (sent || 'timestamp.desc').split(/\.(?=[^.]*$)/)
    return { column, direction: direction.toLowerCase() }
  })
  .pipe(z.object({ column: z.enum(traceOrderColumns), direction: z.enum(['asc', 'desc']) }))

const querystring = z.object({
  ...page,
  userId: text.optional(),
  name: text.optional(),
  sessionId: text.optional(),
  version: text.optional(),
  release: text.optional(),
  tags: textList.optional(),
  environment: textList.optional(),
  fromTimestamp: strictDate.optional(),
  toTimestamp: strictDate.optional(),
  orderBy: order,
  fields: textList.optional(),
  filter: filterOver(traceFilterColumns),
})

const answer = pageOf(
  traceDetailsAnswer.extend({ observations: z.array(z.string()), scores: z.array(z.string()) }),
)

/** Lists traces of every dialect, newest first by default (contracts/langfuse.md 2.9, 2.17). */
export function getTraces(app: App, { db, countedPage }: Services): void {
  const schema = {
    querystring,
    response: { 200: answer },
    tags: ['langfuse traces'],
    summary: 'List traces',
  }
  app.get('/traces', { schema }, async ({ principal: { tenantId }, query }) => {
    const conditions = mergeFilter(traceFilterColumns, conditionsOf(query), query.filter)
    const filters = filtersOf(traceFilterColumns, conditions)
    const narrow = await filterNarrow(db, tenantId, traceSource, filters)
    const columns = traceColumnsOf(traceGroupsOf(query.fields))
    const { rows, total } = await countedPage(
      { tenantId, name: 'traces', query },
      async (place) => traceList(db, tenantId, narrow, query.orderBy, place, columns),
      async () => traceCount(db, tenantId, narrow),
    )
    const data = rows.map((row) => ({
      ...traceDetails(tenantId, row),
      observations: row.observationIds ?? [],
      scores: row.scoreIds ?? [],
    }))
    return { data, meta: metaOf(query, total) }
  })
}

function conditionsOf(query: z.output<typeof querystring>) {
  return [
    ...equals('userId', query.userId),
    ...equals('name', query.name),
    ...equals('sessionId', query.sessionId),
    ...equals('version', query.version),
    ...equals('release', query.release),
    ...(query.tags === undefined || query.tags.length === 0
      ? []
      : [
          {
            type: 'arrayOptions',
            column: 'tags',
            operator: 'all of',
            value: query.tags,
          } as const,
        ]),
    ...anyOf('environment', query.environment),
    ...within('timestamp', query.fromTimestamp, query.toTimestamp),
  ]
}
