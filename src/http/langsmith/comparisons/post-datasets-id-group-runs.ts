import { z } from 'zod'
import type { Filter } from '../../../domain/filter.ts'
import type { Db } from '../../../store/pool.ts'
import {
  comparisonGroupListExamples,
  comparisonGroupList,
  comparisonGroupListStatistics,
  type ComparisonGroup,
  type GroupQuery,
} from '../../../store/read/comparison/comparison-groups.ts'
import {
  comparisonRowList,
  experimentListCompared,
} from '../../../store/read/comparison/comparison.ts'
import type { ExperimentRow } from '../../../store/read/experiments/experiment-row.ts'
import {
  experimentAggregateListAmong,
  experimentList,
} from '../../../store/read/experiments/experiments.ts'
import type { App, Services } from '../../services.ts'
import { parseSessionFilters, sessionFilters } from './comparison-filters.ts'
import { attachmentUrls, type AttachmentUrls } from '../attachments.ts'
import { comparisonFromRow } from './comparison-from-row.ts'
import { notFound } from '../errors.ts'
import { printFilter } from '../../filter/filter-parse.ts'
import { groupAnswer, type GroupAnswer } from './group-answer.ts'
import { groupEntry, groupFilter, groupKey, groupNumbers, groupSession } from './group-from-row.ts'
import { text, uuid } from '../schemas.ts'

const body = z.object({
  session_ids: z.array(uuid).min(1).max(100),
  offset: z.int().min(0).default(0),
  limit: z.int().min(1).max(100).default(10),
  preview: z.boolean().default(false),
  group_by: z.enum(['run_metadata', 'example_metadata']),
  metadata_key: text,
  per_group_limit: z.int().min(1).max(10).default(5),
  filters: sessionFilters.nullish(),
})

const schema = {
  tags: ['datasets'],
  summary: 'Read runs of experiments grouped by metadata',
  params: z.object({ dataset_id: uuid }),
  body,
  response: { 200: z.object({ groups: z.array(groupAnswer) }) },
}

/**
 * `POST /datasets/{dataset_id}/group/runs` (contracts/langsmith.md 2.2). Only examples with a run in every session
 * count. A run or example without a value under the key is in no group. The groups with the most examples come first.
 */
export function postDatasetsIdGroupRuns(app: App, services: Services): void {
  const { db } = services
  app.post(
    '/datasets/:dataset_id/group/runs',
    { schema, config: { scope: 'read' } },
    async (request) => {
      const { tenantId } = request.principal
      const { dataset_id: datasetId } = request.params
      const asked = request.body
      const given = parseSessionFilters(asked.filters)
      const wanted = [...new Set(asked.session_ids)]
      const found = await experimentListCompared(db, tenantId, datasetId, wanted)
      if (found === null) throw notFound('Dataset')
      const existing = new Set(found.map((experiment) => experiment.id))
      const query: GroupQuery = {
        tenantId,
        datasetId,
        experimentIds: wanted.filter((id) => existing.has(id)),
        filters: new Map([...given].filter(([id]) => existing.has(id))),
        groupBy: asked.group_by === 'run_metadata' ? 'run' : 'example',
        metadataKey: asked.metadata_key,
      }
      if (existing.size === 0) return { groups: [] }
      const groups = await comparisonGroupList(db, query, asked)
      const urls = attachmentUrls(services, request)
      return { groups: await describeGroups(db, query, groups, asked, urls) }
    },
  )
}

async function describeGroups(
  db: Db,
  query: GroupQuery,
  groups: ComparisonGroup[],
  { per_group_limit: exampleLimit, preview: isPreview }: z.output<typeof body>,
  urls: AttachmentUrls,
): Promise<GroupAnswer[]> {
  if (groups.length === 0) return []
  const { tenantId } = query
  const values = groups.map((group) => group.value)
  const [statistics, keys, sessions] = await Promise.all([
    comparisonGroupListStatistics(db, query, values),
    comparisonGroupListExamples(db, query, values, exampleLimit),
    listSessions(db, query),
  ])
  const described: GroupAnswer[] = []
  for (const group of groups) {
    const filter = groupFilter(query, group)
    const own = statistics.filter((row) => row.value === group.value)
    const total = own.find((row) => row.experimentId === null)
    const ownKeys = keys.filter((key) => key.value === group.value)
    const rows = await comparisonRowList(
      db,
      {
        ...query,
        exampleIds: null,
        sort: null,
        comparativeExperimentId: null,
        filters: shown(group),
      },
      ownKeys.map((key) => ({ ...key, score: null })),
      { isPreview, detail: 'none' },
    )
    // The group lost its last run between the two statements.
    if (total === undefined) continue
    described.push({
      group_key: groupKey(group),
      filter: printFilter(filter),
      ...groupNumbers(total),
      sessions: sessions.map((session) =>
        groupSession(
          tenantId,
          session,
          own.find((row) => row.experimentId === session.id),
          both(query.filters.get(session.id), filter),
        ),
      ),
      examples: rows.map((row) => comparisonFromRow(row, { isPreview, urls })),
    })
  }
  return described

  /** A group of runs shows only those runs; a group of examples shows all runs of its examples. */
  function shown(group: ComparisonGroup): ReadonlyMap<string, Filter> {
    if (query.groupBy === 'example') return query.filters
    const entry = groupEntry(query, group)
    return new Map(query.experimentIds.map((id) => [id, both(query.filters.get(id), entry)]))
  }
}

function both(given: Filter | undefined, filter: Filter): Filter {
  return given === undefined ? filter : { kind: 'and', terms: [given, filter] }
}

/** Sessions in the order of the request. */
async function listSessions(
  db: Db,
  { tenantId, experimentIds: ids }: GroupQuery,
): Promise<(ExperimentRow & { testRunNumber: number | null })[]> {
  const rows = await experimentList(db, tenantId, {
    ids,
    sortBy: 'name',
    isDescending: false,
    feedbackSource: 'run',
    offset: 0,
    limit: ids.length,
  })
  const statistics = await experimentAggregateListAmong(db, tenantId, ids)
  const byId = new Map(rows.map((row) => [row.id, row]))
  return ids.flatMap((id) => {
    const row = byId.get(id)
    return row === undefined
      ? []
      : [{ ...row, testRunNumber: statistics.get(id)?.testRunNumber ?? null }]
  })
}
