import { z } from 'zod'
import { familyOf, hasCondition } from '../../../domain/filter.ts'
import type { ExperimentRow } from '../../../store/read/experiments/experiment-row.ts'
import {
  experimentList,
  experimentListDirty,
  experimentSorts,
  type ExperimentQuery,
} from '../../../store/read/experiments/experiments.ts'
import { experimentAggregateFreshen } from '../../../store/write/aggregates/fresh-aggregates.ts'
import { experimentResolveNames } from '../../../store/write/experiments.ts'
import type { App, Services } from '../../services.ts'
import { parseSessionFilter } from '../../filter/filter-parse.ts'
import { readRunFilter } from '../runs/run-query-body.ts'
import {
  flag,
  ignored,
  jsonObjectText,
  listOf,
  page,
  readFilter,
  searchedText,
  text,
  time,
  uuidList,
} from '../schemas.ts'
import { sessionAnswer } from './session-answer.ts'
import { sessionsWithStatistics } from './session-statistics.ts'

const querystring = z.object({
  id: uuidList.optional(),
  name: text.optional(),
  name_contains: searchedText.optional(),
  reference_dataset: uuidList.optional(),
  reference_free: flag.optional(),
  dataset_version: text.optional(),
  metadata: jsonObjectText.optional(),
  filter: z.string().optional(),
  sort_by: z.enum(experimentSorts).default('start_time'),
  sort_by_desc: flag.default(true),
  sort_by_feedback_key: text.optional(),
  sort_by_feedback_source: z.enum(['session', 'run']).default('session'),
  include_stats: flag.default(false),
  stats_filter: z
    .string()
    .optional()
    .describe(
      'With include_stats: a filter of runs; only executions whose run matches are counted',
    ),
  stats_start_time: time
    .optional()
    .describe('With include_stats: only executions that started then or later are counted'),
  stats_select: listOf(text)
    .optional()
    .describe('With include_stats: the statistics that are wanted; the others are null'),
  facets: flag
    .default(false)
    .describe(
      'Fill run_facets: the most frequent names, types, states and tags of the counted runs',
    ),
  use_approx_stats: ignored(flag.optional(), 'statistics are exact, but percentiles of many runs'),
  tag_value_id: uuidList.optional(),
  ...page,
})

const schema = {
  tags: ['langsmith sessions'],
  summary: 'List projects and experiments',
  querystring,
  response: { 200: z.array(sessionAnswer) },
}

/**
 * Before it sorts or filters by a statistic, a request refreshes at most so many stale experiments. Workers do the
 * rest.
 */
const refreshLimit = 200

/** Lists sessions. An unknown name gives an empty list, never 404 (contracts/langsmith.md 0.1.4). */
export function getSessions(app: App, services: Services): void {
  const { db } = services
  app.get('/sessions', { schema }, async (request) => {
    const { tenantId } = request.principal
    const given = request.query
    // Runmill has no resource tags, so no session has any of these.
    if (given.tag_value_id !== undefined && given.tag_value_id.length > 0) return []
    const statsFilter = readRunFilter('stats_filter', given.stats_filter)[0]
    const query: ExperimentQuery = {
      ids: given.id,
      name: given.name,
      nameContains: given.name_contains,
      datasetIds: given.reference_dataset,
      isPlain: given.reference_free,
      datasetVersion: given.dataset_version,
      metadata: given.metadata,
      filter: readFilter(parseSessionFilter, given.filter),
      sortBy: given.sort_by,
      isDescending: given.sort_by_desc,
      feedbackKey: given.sort_by_feedback_key,
      feedbackSource: given.sort_by_feedback_source,
      offset: given.offset,
      limit: given.limit,
    }
    const isScoreFiltered =
      query.filter !== undefined &&
      hasCondition(query.filter, (condition) => familyOf(condition) === 'feedback')
    if (isScoreFiltered || (query.sortBy !== 'name' && query.sortBy !== 'start_time')) {
      // The filter itself must not choose what to refresh: it cannot match scores that are not counted yet.
      const candidates = isScoreFiltered ? { ...query, filter: undefined } : query
      const dirty = await experimentListDirty(db, tenantId, candidates, refreshLimit)
      await experimentAggregateFreshen(db, tenantId, dirty)
    }
    const rows = await listSeeded(services, tenantId, query)
    return sessionsWithStatistics(db, tenantId, rows, {
      isFull: given.include_stats,
      filter: statsFilter,
      minStartTime: given.stats_start_time,
      select: given.stats_select,
      hasFacets: given.facets,
    })
  })
}

/**
 * Makes the project `default` when a list finds nothing that should hold it. The SDKs learn their tenant id from any
 * session in a list, so a tenant without sessions needs one (contracts/langsmith.md 0.1.6).
 */
async function listSeeded(
  { db, clock }: Services,
  tenantId: string,
  query: ExperimentQuery,
): Promise<ExperimentRow[]> {
  const rows = await experimentList(db, tenantId, query)
  if (rows.length > 0 || query.offset > 0 || isNarrowed(query)) return rows
  await experimentResolveNames(db, tenantId, ['default'], clock.now())
  return experimentList(db, tenantId, query)
}

/** Whether the conditions of a list may leave out the project `default`. */
function isNarrowed(query: ExperimentQuery): boolean {
  const { ids, name, nameContains, datasetIds, isPlain, datasetVersion, metadata, filter } = query
  if (name !== undefined && name !== 'default') return true
  return [ids, nameContains, datasetIds, isPlain, datasetVersion, metadata, filter].some(
    (condition) => condition !== undefined,
  )
}
