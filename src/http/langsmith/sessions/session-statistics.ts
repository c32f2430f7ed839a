import type { Filter } from '../../../domain/filter.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Db } from '../../../store/pool.ts'
import {
  executionListFacets,
  executionListStats,
  type ExecutionFacet,
  type ExecutionQuery,
} from '../../../store/read/experiments/execution-stats.ts'
import {
  experimentAggregateListAmong,
  type ExperimentRow,
} from '../../../store/read/experiments/experiments.ts'
import { experimentAggregateRefreshDirty } from '../../../store/write/aggregates.ts'
import { printFilter } from '../filter/filter-parse.ts'
import { sessionWithStatistics } from './session-from-row.ts'
import { isStatSelected, statsSelectNames } from '../runs/stats-select.ts'

/** What a request wants to know of sessions (contracts/langsmith.md 2.5.2). */
export interface SessionStatsAsked {
  /** False: of the statistics only how many runs there are. */
  isFull: boolean
  /** Only executions whose run matches are counted. */
  filter?: Filter | undefined
  /** Only executions that started then or later are counted. */
  minStartTime?: Timestamp | undefined
  /** These statistics, of `statsSelectNames`; absent: all. */
  select?: string[] | undefined
  hasFacets?: boolean
}

/** How many values of a kind `run_facets` holds. */
const facetLimit = 10

/** The sessions as they are answered, their statistics as of now. */
export async function sessionsWithStatistics(
  db: Db,
  tenantId: string,
  rows: readonly ExperimentRow[],
  asked: SessionStatsAsked,
): Promise<Record<string, unknown>[]> {
  const { isFull, filter, minStartTime, select, hasFacets = false } = asked
  const ids = rows.map((row) => row.id)
  await experimentAggregateRefreshDirty(db, tenantId, ids)
  const query: ExecutionQuery = { tenantId, experimentIds: ids, filter, minStartTime }
  const isNarrowed = filter !== undefined || minStartTime !== undefined
  const [all, some, facets] = await Promise.all([
    experimentAggregateListAmong(db, tenantId, ids),
    isFull && isNarrowed ? executionListStats(db, query) : null,
    hasFacets ? executionListFacets(db, query, facetLimit) : null,
  ])
  return rows.map((row) => {
    const whole = all.get(row.id)
    const statistics = whole === undefined ? undefined : { ...whole, ...some?.get(row.id) }
    const session = sessionWithStatistics(tenantId, row, statistics, isFull)
    session['last_run_start_time_live'] = whole?.lastRunStartTime ?? null
    for (const name of statsSelectNames) {
      // The SDKs wait for the number of runs to be right, whatever they select.
      if (name === 'run_count' || !(name in session) || isStatSelected(select, name)) continue
      session[name] = null
    }
    if (facets !== null) {
      session['run_facets'] = facets
        .filter((facet) => facet.experimentId === row.id)
        .map((facet) => facetFromRow(facet))
    }
    return session
  })
}

/** `query` is the filter that those runs match. The vendor documents no more of a facet than that it is an object. */
function facetFromRow({ attribute, value, runCount }: ExecutionFacet): Record<string, unknown> {
  const operator = attribute === 'tags' ? 'has' : 'eq'
  const query = printFilter({ kind: 'condition', attribute, operator, value })
  return { key: attribute, value, query, n: runCount }
}
