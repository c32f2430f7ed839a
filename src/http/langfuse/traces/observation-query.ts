import { z } from 'zod'
import { resolveId } from '../../../domain/ids.ts'
import { observationTypes } from '../../../domain/observation-types.ts'
import type { Filter } from '../../../domain/filter.ts'
import { filterNarrow } from '../../../store/read/filter/narrow.ts'
import { observationSource } from '../../../store/read/runs/observation-columns.ts'
import { runFindTrace } from '../../../store/read/experiments/run-items.ts'
import type { Queryable } from '../../../store/pool.ts'
import { observationFilterColumns } from '../filter-columns.ts'
import type { LangfuseCondition } from '../filter-condition.ts'
import { anyOf, equals, filterOver, filtersOf, mergeFilter, within } from '../filter.ts'
import { strictDate, text, textList } from '../requests.ts'

/** Query parameters that both lists of observations share (contracts/langfuse.md 2.10). */
export const observationQuery = {
  name: text.optional(),
  userId: text.optional(),
  type: z.enum(observationTypes).optional(),
  traceId: text.optional(),
  level: z.enum(['DEBUG', 'DEFAULT', 'WARNING', 'ERROR']).optional(),
  parentObservationId: text.optional(),
  environment: textList.optional(),
  fromStartTime: strictDate.optional(),
  toStartTime: strictDate.optional(),
  version: text.optional(),
  filter: filterOver(observationFilterColumns),
}

const querystring = z.object(observationQuery)

/** All filters of a query. @param more filters from parameters that only one of the lists has */
export async function observationFilters(
  db: Queryable,
  tenantId: string,
  query: z.output<typeof querystring>,
  more: readonly LangfuseCondition[] = [],
): Promise<Filter[]> {
  const simple = [
    ...equals('name', query.name),
    ...equals('userId', query.userId),
    ...equals('type', query.type),
    ...equals('traceId', query.traceId),
    ...equals('level', query.level),
    ...equals('parentObservationId', query.parentObservationId),
    ...anyOf('environment', query.environment),
    ...within('startTime', query.fromStartTime, query.toStartTime),
    ...equals('version', query.version),
    ...more,
  ]
  const conditions = await withTraceOfParent(
    db,
    tenantId,
    mergeFilter(observationFilterColumns, simple, query.filter),
  )
  const filters = filtersOf(observationFilterColumns, conditions)
  return filterNarrow(db, tenantId, observationSource, filters)
}

/** Looks for children only in the trace of their parent, because no index lists the children of a run. */
async function withTraceOfParent(
  db: Queryable,
  tenantId: string,
  conditions: LangfuseCondition[],
): Promise<LangfuseCondition[]> {
  const ofParent = conditions.find(
    (condition) =>
      condition.column === 'parentObservationId' &&
      condition.type === 'string' &&
      condition.operator === '=',
  )
  if (ofParent?.type !== 'string' || conditions.some(({ column }) => column === 'traceId')) {
    return conditions
  }
  const parent = await runFindTrace(db, tenantId, resolveId('run', ofParent.value).id)
  // A parent that was never sent may have children in any trace.
  return parent?.traceId ? [...conditions, ...equals('traceId', parent.traceId)] : conditions
}
