import { z } from 'zod'
import { experimentFind } from '../../../store/read/experiments/experiments.ts'
import type { Queryable } from '../../../store/pool.ts'
import type { ThreadTurnFilter } from '../../../store/read/runs/run-query-sql.ts'
import type { ThreadQuery } from '../../../store/read/runs/project-threads.ts'
import type { Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { readRunFilter } from '../runs/run-query-body.ts'
import { time, uuid } from '../schemas.ts'
import { dayAgo, refuseFields } from '../v2.ts'

/** Which threads of a project are meant: those with a turn in this time that meet all filters. */
export const threadQueryFields = {
  project_id: uuid,
  filter: z.string().nullish().describe('A filter that the root run of some turn must meet'),
  trace_filter: z.string().nullish().describe('The same as `filter`, for another turn or the same'),
  tree_filter: z.string().nullish().describe('A filter that some run of some turn must meet'),
  thread_filter: z.string().nullish(),
  min_start_time: time.nullish(),
  max_start_time: time.nullish().describe('Exclusive'),
}

/**
 * @throws LangsmithError 400 for a broken filter, 422 for one of whole threads, which the vendor's servers do not have
 *   before version 0.17 either
 */
export function readThreadQuery(
  tenantId: string,
  asked: z.output<z.ZodObject<typeof threadQueryFields>>,
  { clock }: Pick<Services, 'clock'>,
): ThreadQuery {
  refuseFields(asked, 'thread_filter')
  const filtersOf = (of: ThreadTurnFilter['of'], name: 'filter' | 'trace_filter' | 'tree_filter') =>
    readRunFilter(name, asked[name]).map((filter) => ({ of, filter }))
  return {
    tenantId,
    experimentId: asked.project_id,
    threadHas: [
      ...filtersOf('root', 'filter'),
      ...filtersOf('root', 'trace_filter'),
      ...filtersOf('tree', 'tree_filter'),
    ],
    minStartTime: asked.min_start_time ?? dayAgo(clock),
    beforeStartTime: asked.max_start_time ?? undefined,
  }
}

/** @throws LangsmithError 404 */
export async function assertProject(
  db: Queryable,
  tenantId: string,
  projectId: string,
): Promise<void> {
  if ((await experimentFind(db, tenantId, projectId)) === null) throw notFound('Project')
}
