import { z } from 'zod'
import type { RunStatsColumn } from '../../../store/read/runs/run-stats-columns.ts'
import { runStats, type RunGroups, type RunStatsRow } from '../../../store/read/runs/run-stats.ts'
import type { App, Services } from '../../services.ts'
import { invalid } from '../errors.ts'
import { runTypes } from './run-answer.ts'
import { readRunQuery, runQueryFields } from './run-query-body.ts'
import { runStatsAnswer } from './run-stats-answer.ts'
import { runStatsFromRow } from './run-stats-from-row.ts'
import { ignored, text } from '../schemas.ts'
import { isStatSelected, selectStats, statsSelectNames } from './stats-select.ts'
import { usageDetailNames } from './usage-details.ts'

const groupBy = z.object({
  attribute: z.enum(['name', 'run_type', 'tag', 'metadata']),
  path: text.nullish(),
  max_groups: z.int().min(1).max(100).default(5),
})

const body = z.object({
  ...runQueryFields,
  group_by: groupBy.nullish(),
  groups: z.array(text.nullable()).max(1000).nullish(),
  select: z.array(z.enum(statsSelectNames)).nullish(),
  skip_pagination: ignored(z.boolean().nullish(), 'statistics have no pages'),
})

/** With `group_by`, the statistics of each group under its value. */
const answer = z.union([runStatsAnswer, z.record(z.string(), runStatsAnswer)])

/** `POST /runs/stats`: statistics over runs, or one object of them for each group (contracts/langsmith.md 2.6.3). */
export function postRunsStats(app: App, { db }: Services): void {
  app.post(
    '/runs/stats',
    {
      config: { scope: 'read' },
      schema: { tags: ['runs'], summary: 'Count runs', body, response: { 200: answer } },
    },
    async (request) => {
      const { principal, body: asked } = request
      const query = readRunQuery(principal.tenantId, asked)
      const groups = readGroups(asked)
      const rows = await runStats(db, query, groups, columnsOf(asked.select))
      const show = (row: RunStatsRow) => selectStats(runStatsFromRow(row), asked.select)
      if (groups === null) return show(rows[0]!)
      return Object.fromEntries(rows.map((row) => [String(row.groupKey), show(row)]))
    },
  )
}

/** The expensive columns, each only when a statistic that needs it is shown. */
function columnsOf(select: z.output<typeof body>['select']): RunStatsColumn[] {
  const columns: RunStatsColumn[] = []
  if (isStatSelected(select, 'feedback_stats')) columns.push('feedback')
  if (usageDetailNames.some((name) => isStatSelected(select, name))) columns.push('details')
  return columns
}

/** @throws LangsmithError 422 when the request groups by metadata without naming a key */
function readGroups(asked: z.output<typeof body>): RunGroups | null {
  if (!asked.group_by) return null
  const { attribute, path, max_groups: limit } = asked.group_by
  const rest = { only: asked.groups ?? null, order: 'largest', limit, offset: 0 } as const
  switch (attribute) {
    case 'metadata':
      if (!path) throw invalid(['body', 'group_by', 'path'], 'The key of the metadata is missing')
      return { by: { attribute, key: path }, ...rest }
    case 'run_type': {
      const types = [...runTypes.filter((type) => type !== 'chain'), 'chain']
      return { by: { attribute, types }, ...rest }
    }
    case 'name':
    case 'tag':
      return { by: { attribute }, ...rest }
  }
}
