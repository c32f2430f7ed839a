import { z } from 'zod'
import { resolveId, type IdKind } from '../../../domain/ids.ts'
import type { ScoreQuery } from '../../../store/read/feedback/scores.ts'
import { scoreFilterColumns } from '../filter-columns.ts'
import type { LangfuseCondition } from '../filter-condition.ts'
import { equals, filterOver, filtersOf, mergeFilter } from '../filter.ts'
import { page, strictDate, text, textList } from '../requests.ts'
import { scoreDataTypes } from '../ingest/score-body.ts'
import { sourceTypesOf } from './score-from-row.ts'

const operators = ['<', '>', '<=', '>=', '!=', '='] as const

/** Query of `GET /scores` and `GET /v2/scores` (contracts/langfuse.md 2.6.2). */
export const scoreQuerystring = z.object({
  ...page,
  userId: text.optional(),
  name: text.optional(),
  configId: text.optional(),
  sessionId: text.optional(),
  traceId: text.optional(),
  observationId: textList.optional(),
  datasetRunId: text.optional(),
  queueId: text.optional(),
  traceTags: textList.optional(),
  dataType: z.enum(scoreDataTypes).optional(),
  source: z.enum(['API', 'ANNOTATION', 'EVAL']).optional(),
  environment: textList.optional(),
  fromTimestamp: strictDate.optional(),
  toTimestamp: strictDate.optional(),
  value: z.coerce.number().optional(),
  operator: z.enum(operators).optional(),
  scoreIds: textList.optional(),
  fields: textList.optional(),
  filter: filterOver(scoreFilterColumns),
})

/** The column of each parameter that is ignored when the filter has a condition on that column. */
const columnsOf: Readonly<Partial<Record<keyof ScoreQuery, string>>> = {
  ids: 'id',
  names: 'name',
  dataTypes: 'dataType',
  sourceTypes: 'source',
  environments: 'environment',
  traceIds: 'traceId',
  runIds: 'observationId',
  threadIds: 'sessionId',
  from: 'timestamp',
  to: 'timestamp',
  numbers: 'value',
}

/** A value without an operator, an operator without a value, and an empty list are ignored. */
export function scoreQueryOf(query: z.output<typeof scoreQuerystring>): ScoreQuery {
  const { value, operator } = query
  const asked: ScoreQuery = {
    ids: idsOf('feedback', query.scoreIds),
    names: one(query.name),
    dataTypes: one(query.dataType),
    sourceTypes: query.source === undefined ? undefined : sourceTypesOf([query.source]),
    environments: unlessEmpty(query.environment),
    configIds: one(query.configId),
    queueIds: one(query.queueId),
    traceIds: idsOf('trace', one(query.traceId)),
    runIds: idsOf('run', query.observationId),
    threadIds: one(query.sessionId),
    experimentIds: idsOf('experiment', one(query.datasetRunId)),
    from: query.fromTimestamp,
    to: query.toTimestamp,
    numbers: value === undefined || operator === undefined ? undefined : [{ operator, value }],
  }
  const filtered = new Set(query.filter.map(({ column }) => column))
  for (const key of Object.keys(columnsOf) as (keyof ScoreQuery)[]) {
    if (filtered.has(columnsOf[key]!)) delete asked[key]
  }
  const tags = unlessEmpty(query.traceTags)
  const ofTrace: LangfuseCondition[] = [
    ...equals('userId', query.userId),
    ...(tags === undefined
      ? []
      : [{ type: 'arrayOptions', column: 'trace_tags', operator: 'all of', value: tags } as const]),
  ]
  const merged = mergeFilter(scoreFilterColumns, ofTrace, query.filter)
  const filters = filtersOf(scoreFilterColumns, merged)
  // Together with a property of the trace, the environment is that of the score and of its trace.
  if (ofTrace.length > 0 && asked.environments !== undefined) {
    const value = asked.environments
    filters.push({ kind: 'condition', attribute: 'trace_environment', operator: 'in', value })
  }
  return { ...asked, filters }
}

/** An empty parameter is ignored. */
function one(value: string | undefined): string[] | undefined {
  return value ? [value] : undefined
}

export function unlessEmpty(values: string[] | undefined): string[] | undefined {
  return values === undefined || values.length === 0 ? undefined : values
}

export function idsOf(kind: IdKind, values: string[] | undefined): string[] | undefined {
  return unlessEmpty(values)?.map((value) => resolveId(kind, value).id)
}
