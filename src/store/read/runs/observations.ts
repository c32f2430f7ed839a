import sql, { empty, type Sql } from 'sql-template-tag'
import type { Decimal, JsonText } from '../../../domain/entities.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Queryable } from '../../pool.ts'
import { anyTenant, runComposed, tenant } from '../../statements.ts'
import type { Filter } from '../../../domain/filter.ts'
import { filterListSql } from '../filter/filter-sql.ts'
import { askedSql, pageRowsSql, type Page } from '../page.ts'
import { experimentListPurging, type PurgingExperiment } from '../purging.ts'
import { observationFields, observationSource } from './observation-columns.ts'

/** A run of any dialect, as an observation. */
export interface ObservationRow {
  id: string
  externalId: string | null
  /** null for a run that named only its parent, until the parent arrives. */
  traceId: string | null
  externalTraceId: string | null
  parentRunId: string | null
  externalParentRunId: string | null
  /** True for a run without a parent, and for one that is the entry point of an application. */
  isRoot: boolean
  runType: string | null
  name: string | null
  startTime: Timestamp
  endTime: Timestamp | null
  firstTokenTime: Timestamp | null
  createdAt: Timestamp | null
  updatedAt: Timestamp | null
  level: string
  statusMessage: string | null
  error: JsonText | null
  version: string | null
  environment: string
  model: string | null
  modelParameters: JsonText | null
  promptName: string | null
  promptVersion: number | null
  promptTokens: number | null
  completionTokens: number | null
  totalTokens: number | null
  promptCost: Decimal | null
  completionCost: Decimal | null
  totalCost: Decimal | null
  usageDetails: JsonText | null
  costDetails: JsonText | null
  /** AppliedPrice, of a run whose cost was computed. */
  price: JsonText | null
  /** This and the next are null when they were not asked for. */
  inputs: JsonText | null
  outputs: JsonText | null
  /** Null when not asked for. */
  metadata: JsonText | null
  /** This and all that follow come from the trace, and are null when not asked for. */
  userId: string | null
  threadId: string | null
  isPublic: boolean | null
  traceName: string | null
  traceTags: string[] | null
  traceRelease: string | null
}

/** The columns of an observation that take time to read. */
export interface ObservationColumns {
  io: boolean
  metadata: boolean
  trace: boolean
}

/** Everything that the row itself holds. */
export const ownColumns: ObservationColumns = { io: true, metadata: true, trace: false }

function columnsOf(wanted: ObservationColumns): Sql {
  return sql`run.id, run.external_id, run.trace_id, run.external_trace_id, run.parent_run_id, run.external_parent_run_id,
  ${observationFields.isRoot} as is_root, run.run_type, run.name, run.start_time, run.end_time, run.first_token_time, run.created_at, run.updated_at,
  ${observationFields.level} as level, run.status_message, run.error, run.version,
  ${observationFields.environment} as environment, ${observationFields.model} as model, run.model_parameters,
  run.prompt_name, run.prompt_version, run.prompt_tokens, run.completion_tokens, run.total_tokens, run.prompt_cost,
  run.completion_cost, run.total_cost, run.usage_details, run.cost_details,
  run.price,
  ${askedSql(wanted.io, sql`run.inputs`, 'json')} as inputs, ${askedSql(wanted.io, sql`run.outputs`, 'json')} as outputs,
  ${askedSql(wanted.metadata, sql`run.metadata`, 'jsonb')} as metadata,
  ${askedSql(wanted.trace, observationFields.userId, 'text')} as user_id,
  ${askedSql(wanted.trace, observationFields.threadId, 'text')} as thread_id,
  ${askedSql(wanted.trace, observationFields.isPublic, 'boolean')} as is_public,
  ${askedSql(wanted.trace, observationFields.traceName, 'text')} as trace_name,
  ${askedSql(wanted.trace, observationFields.traceTags, 'text[]')} as trace_tags,
  ${askedSql(wanted.trace, observationFields.traceRelease, 'text')} as trace_release`
}

/** A run without a start time is a fragment: an update whose create has not arrived. It is not visible. */
function visibleSql(purging: readonly PurgingExperiment[]): Sql {
  const shown = sql`run.start_time is not null`
  if (purging.length === 0) return shown
  return sql`${shown} and (run.experiment_id = any (${purging.map(({ id }) => id)}::uuid[])) is not true`
}

/** A position in the list. The page consists of what comes after it. */
export interface ObservationKey {
  startTime: Timestamp
  id: string
}

/** Where a page begins: after an observation, or after a number of them. */
export type ObservationPlace = Page | { after: ObservationKey | null; limit: number }

/** Reads one page, newest first, with ties broken by id. */
export async function observationList(
  db: Queryable,
  tenantId: string,
  filters: readonly Filter[],
  place: ObservationPlace,
  wanted: ObservationColumns,
): Promise<ObservationRow[]> {
  const purging = await experimentListPurging(db, tenantId)
  const where = sql`${visibleSql(purging)}${filterListSql(filters, { ...observationSource, by: 'row' })}`
  const behind = 'after' in place && place.after !== null ? behindSql(place.after) : empty
  const offset = 'offset' in place ? sql` offset ${String(place.offset)}::bigint` : empty
  const ids = sql`
  select run.id
  from runs as run
  where run.tenant_id = ${tenant} and ${where}${behind}
  order by run.start_time desc, run.id
  limit ${String(place.limit)}::bigint${offset}`
  const statement = sql`
-- name: observation_list
-- One page of the observations that meet a filter, newest first, ties by id, with the wanted columns. Reads only.
-- Reads the ids first, then each row of the page by its key, whatever the planner knows of the table.
select ${columnsOf(wanted)}
from ${pageRowsSql('runs', 'run', ids)}
order by page.place`
  return runComposed<ObservationRow>(db, tenantId, statement, { isPrepared: false, limit: 'list' })
}

function behindSql({ startTime, id }: ObservationKey): Sql {
  const time = sql`${startTime}::text::timestamptz`
  return sql`
    and run.start_time <= ${time} and (run.start_time < ${time} or run.id > ${id}::uuid)`
}

export async function observationCount(
  db: Queryable,
  tenantId: string,
  filters: readonly Filter[],
): Promise<number> {
  const purging = await experimentListPurging(db, tenantId)
  const statement = sql`
-- name: observation_count
-- How many observations meet a filter. Reads only.
select count(*) as count
from runs as run
where run.tenant_id = ${tenant} and ${visibleSql(purging)}${filterListSql(filters, { ...observationSource, by: 'count' })}`
  const options = { isPrepared: false, limit: filters.length > 0 ? 'count' : undefined } as const
  const [row] = await runComposed<{ count: number }>(db, tenantId, statement, options)
  return row!.count
}

/** @returns null when there is no such observation, or only a fragment of it has arrived */
export async function observationFind(
  db: Queryable,
  tenantId: string,
  id: string,
): Promise<ObservationRow | null> {
  const purging = await experimentListPurging(db, tenantId)
  const statement = sql`
-- name: observation_find
-- One observation, unless its experiment is being purged. Reads only.
select ${columnsOf(ownColumns)}
from runs as run
where run.tenant_id = ${anyTenant} and ${visibleSql(purging)} and run.id = ${id}::uuid`
  const [row] = await runComposed<ObservationRow>(db, tenantId, statement)
  return row ?? null
}

/**
 * Reads the next observations of a trace, in the order in which they began.
 * @param after null: from the first one on
 */
export async function observationListOfTrace(
  db: Queryable,
  tenantId: string,
  traceId: string,
  after: ObservationKey | null,
  limit: number,
): Promise<ObservationRow[]> {
  const purging = await experimentListPurging(db, tenantId)
  const behind =
    after === null
      ? empty
      : sql` and (run.start_time, run.id) > (${after.startTime}::text::timestamptz, ${after.id}::uuid)`
  const statement = sql`
-- name: observation_list_of_trace
-- The next observations of a trace, in the order in which they began. Reads only.
select ${columnsOf(ownColumns)}
from runs as run
where run.tenant_id = ${anyTenant} and ${visibleSql(purging)} and run.trace_id = ${traceId}::uuid${behind}
order by run.start_time, run.id
limit ${limit}`
  return runComposed<ObservationRow>(db, tenantId, statement)
}
