import { z } from 'zod'
import { executionListMetrics } from '../../../store/read/experiments/experiment-activity.ts'
import {
  experimentItemList,
  type ExperimentItemColumn,
  type ExperimentItemRow,
} from '../../../store/read/experiments/experiment-items.ts'
import { scoreListOfTraces } from '../../../store/read/feedback/score-groups.ts'
import type { App, Services } from '../../services.ts'
import {
  experimentItemAnswer,
  experimentItemFromRow,
  experimentItemGroups,
} from './experiment-from-row.ts'
import {
  experimentQuerystring,
  groupsOf,
  readExperimentCursor,
  writeExperimentCursor,
} from './experiment-query.ts'
import { experimentItemFilterColumns } from '../filter-columns.ts'
import { anyOf, filtersOf, mergeFilter } from '../filter.ts'
import { cursorPageOf, textList } from '../requests.ts'

const columns: readonly ExperimentItemColumn[] = [
  'io',
  'metadata',
  'itemMetadata',
  'experimentMetadata',
]

const simpleColumns = ['experimentId', 'experimentName', 'experimentItemId', 'datasetId'] as const

/**
 * Lists the items of experiments of every dialect that were executed in a span of time, newest first
 * (contracts/langfuse.md 2.11).
 */
export function getExperimentItems(app: App, { db }: Services): void {
  const schema = {
    querystring: z.object({
      ...experimentQuerystring(experimentItemGroups, experimentItemFilterColumns),
      experimentId: textList.optional(),
      experimentName: textList.optional(),
      experimentItemId: textList.optional(),
      datasetId: textList.optional(),
    }),
    response: { 200: cursorPageOf(experimentItemAnswer) },
    tags: ['langfuse experiments'],
    summary: 'List experiment items',
  }
  app.get('/experiment-items', { schema }, async ({ principal: { tenantId }, query }) => {
    const { limit, scoreLimit, cursor } = query
    const groups = groupsOf(query.fields, ['core', 'dataset'])
    const simple = simpleColumns.flatMap((key) => anyOf(key, query[key]))
    const asked = {
      tenantId,
      from: query.fromStartTime,
      to: query.toStartTime ?? null,
      filters: filtersOf(
        experimentItemFilterColumns,
        mergeFilter(experimentItemFilterColumns, simple, query.filter),
      ),
    }
    const last = cursor ? readExperimentCursor(cursor) : null
    const place = {
      after: last && { startTime: last.lastTime, itemKey: last.lastId },
      limit: limit + 1,
    }
    const wanted = new Set(columns.filter((column) => groups.has(column)))
    const rows = await experimentItemList(db, asked, place, wanted)
    const shown = rows.slice(0, limit)
    const keys = shown.map((row) => row.itemKey)
    const [scores, metrics] = await Promise.all([
      groups.has('scores') ? scoreListOfTraces(db, tenantId, shown, scoreLimit) : null,
      groups.has('metrics') ? executionListMetrics(db, asked, 'item', keys) : null,
    ])
    const data = shown.map((row, index) =>
      experimentItemFromRow(tenantId, row, groups, {
        scores: scores?.[index] ?? [],
        metrics: metrics?.get(row.itemKey),
      }),
    )
    return { data, meta: rows.length > limit ? { cursor: cursorOf(shown.at(-1)!) } : {} }
  })
}

function cursorOf(row: ExperimentItemRow): string {
  return writeExperimentCursor({
    lastTime: row.startTime,
    lastTraceId: row.traceId,
    lastId: row.itemKey,
    lastExperimentId: row.experimentId,
  })
}
