import type { Filter } from '../../../domain/filter.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Db } from '../../../store/pool.ts'
import {
  executionListFacets,
  executionReadStats,
  type ExecutionFacet,
  type ExecutionQuery,
} from '../../../store/read/experiments/execution-stats.ts'
import type { ExperimentRow } from '../../../store/read/experiments/experiment-row.ts'
import { experimentAggregateListAmong } from '../../../store/read/experiments/experiments.ts'
import { experimentAggregateFreshen } from '../../../store/write/aggregates/fresh-aggregates.ts'
import { printFilter } from '../../filter/filter-parse.ts'
import type { SessionAnswer } from './session-answer.ts'
import { sessionWithStatistics } from './session-from-row.ts'
import { isStatSelected, statsSelectNames } from '../runs/stats-select.ts'

/** The statistics of sessions that a request asks for (contracts/langsmith.md 2.5.2). */
export interface SessionStatsAsked {
  /** False: only the number of runs. */
  isFull: boolean
  /** Counts only executions whose run matches. */
  filter?: Filter | undefined
  /** Counts only executions that started then or later. */
  minStartTime?: Timestamp | undefined
  /** Names of `statsSelectNames`; absent: all. */
  select?: string[] | undefined
  hasFacets?: boolean
}

/** Values of each attribute in `run_facets`. */
const facetLimit = 10

/** Sessions as they are answered. Their statistics are brought up to date first. */
export async function sessionsWithStatistics(
  db: Db,
  tenantId: string,
  rows: readonly ExperimentRow[],
  asked: SessionStatsAsked,
): Promise<SessionAnswer[]> {
  const { isFull, filter, minStartTime, select, hasFacets = false } = asked
  const ids = rows.map((row) => row.id)
  await experimentAggregateFreshen(db, tenantId, ids)
  const query: ExecutionQuery = { tenantId, experimentIds: ids, filter, minStartTime }
  const isNarrowed = filter !== undefined || minStartTime !== undefined
  const [all, some, facets] = await Promise.all([
    experimentAggregateListAmong(db, tenantId, ids),
    isFull && isNarrowed ? executionReadStats(db, query) : null,
    hasFacets ? executionListFacets(db, query, facetLimit) : null,
  ])
  return rows.map((row) => {
    const whole = all.get(row.id)
    const statistics = whole === undefined ? undefined : { ...whole, ...some?.get(row.id) }
    const session = sessionWithStatistics(tenantId, row, statistics, isFull)
    session.last_run_start_time_live = whole?.lastRunStartTime ?? null
    for (const name of statsSelectNames) {
      // The SDKs wait until the number of runs is right, whatever they select.
      if (name === 'run_count' || !(name in session) || isStatSelected(select, name)) continue
      Object.assign(session, { [name]: null })
    }
    if (facets !== null) {
      session.run_facets = facets
        .filter((facet) => facet.experimentId === row.id)
        .map((facet) => facetFromRow(facet))
    }
    return session
  })
}

/** One facet; `query` is the filter that its runs match. The vendor documents only that a facet is an object. */
function facetFromRow({ attribute, value, runCount }: ExecutionFacet) {
  const operator = attribute === 'tags' ? 'has' : 'eq'
  const query = printFilter({ kind: 'condition', attribute, operator, value })
  return { key: attribute, value, query, n: runCount }
}
