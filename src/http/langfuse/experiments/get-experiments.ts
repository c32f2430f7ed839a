import { z } from 'zod'
import {
  executionListMetrics,
  experimentActivityList,
} from '../../../store/read/experiments/experiment-activity.ts'
import { scoreListOfExperiments } from '../../../store/read/feedback/score-groups.ts'
import type { App, Services } from '../../services.ts'
import { experimentAnswer, experimentFromRow, experimentGroups } from './experiment-from-row.ts'
import {
  experimentQuerystring,
  groupsOf,
  readExperimentCursor,
  writeExperimentCursor,
} from './experiment-query.ts'
import { experimentFilterColumns } from '../filter-columns.ts'
import { anyOf, filtersOf, mergeFilter } from '../filter.ts'
import { cursorPageOf, textList } from '../requests.ts'

/**
 * Lists experiments of every dialect that were executed in a span of time, the latest active first
 * (contracts/langfuse.md 2.11).
 */
export function getExperiments(app: App, { db }: Services): void {
  const schema = {
    querystring: z.object({
      ...experimentQuerystring(experimentGroups, experimentFilterColumns),
      id: textList.optional(),
      name: textList.optional(),
      datasetId: textList.optional(),
    }),
    response: { 200: cursorPageOf(experimentAnswer) },
    tags: ['langfuse experiments'],
    summary: 'List experiments',
  }
  app.get('/experiments', { schema }, async ({ principal: { tenantId }, query }) => {
    const { limit, scoreLimit, cursor } = query
    const groups = groupsOf(query.fields, ['core'])
    const simple = (['id', 'name', 'datasetId'] as const).flatMap((key) => anyOf(key, query[key]))
    const asked = {
      tenantId,
      from: query.fromStartTime,
      to: query.toStartTime ?? null,
      filters: filtersOf(
        experimentFilterColumns,
        mergeFilter(experimentFilterColumns, simple, query.filter),
      ),
    }
    const last = cursor ? readExperimentCursor(cursor) : null
    const after = last && { endTime: last.lastTime, experimentKey: last.lastId }
    const rows = await experimentActivityList(db, asked, { after, limit: limit + 1 })
    const shown = rows.slice(0, limit)
    const keys = shown.map((row) => row.experimentKey)
    const [scores, metrics] = await Promise.all([
      groups.has('scores') ? scoreListOfExperiments(db, tenantId, keys, scoreLimit) : null,
      groups.has('metrics') ? executionListMetrics(db, asked, 'experiment', keys) : null,
    ])
    const data = shown.map((row) =>
      experimentFromRow(tenantId, row, groups, {
        scores: scores?.get(row.experimentKey) ?? [],
        metrics: metrics?.get(row.experimentKey),
      }),
    )
    return { data, meta: rows.length > limit ? { cursor: cursorOf(shown.at(-1)!) } : {} }
  })
}

function cursorOf(row: { endTime: string; experimentKey: string; id: string }): string {
  const { endTime: lastTime, experimentKey: lastId, id: lastExperimentId } = row
  return writeExperimentCursor({ lastTime, lastId, lastExperimentId })
}
