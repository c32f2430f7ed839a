import { z } from 'zod'
import type { RunQuery } from '../../../store/read/runs/run-query-sql.ts'
import { readRunFilter } from './run-query-body.ts'
import { time, uuid } from '../schemas.ts'

/** RunGroupRequest: a group is a conversation, that is, a thread. */
export const runGroupBody = z.object({
  session_id: uuid,
  group_by: z.literal('conversation'),
  filter: z.string().nullish(),
  start_time: time.nullish(),
  end_time: time.nullish(),
  offset: z.int().min(0).max(1_000_000_000).default(0),
  limit: z.int().min(1).max(100).default(10),
})

/** The root runs of the session: a thread consists of those. @throws LangsmithError 400 for a broken filter */
export function readGroupQuery(tenantId: string, asked: z.output<typeof runGroupBody>): RunQuery {
  return {
    tenantId,
    experimentIds: [asked.session_id],
    isRoot: true,
    hasThread: true,
    minStartTime: asked.start_time ?? undefined,
    maxStartTime: asked.end_time ?? undefined,
    filters: readRunFilter('filter', asked.filter),
  }
}
