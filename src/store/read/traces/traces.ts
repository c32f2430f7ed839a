import sql, { empty, raw, type Sql } from 'sql-template-tag'
import type { Decimal, JsonText } from '../../../domain/entities.ts'
import { defaultEnvironment } from '../../../domain/environment.ts'
import { hasCondition, type Filter } from '../../../domain/filter.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Queryable } from '../../pool.ts'
import { anyTenant, runComposed, runStatement, tenant } from '../../statements.ts'
import { filterListSql } from '../filter/filter-sql.ts'
import { askedSql, pageRowsSql, type Page } from '../page.ts'
import { experimentListPurging, type PurgingExperiment } from '../purging.ts'
import {
  scoresOfTrace,
  traceFields,
  traceMetricsOf,
  traceSource,
  traceTime,
  traceTotalCost,
} from './trace-columns.ts'

/** A trace of any dialect. Ids are spelled as clients spell them. */
export interface TraceRow {
  id: string
  externalId: string | null
  timestamp: Timestamp
  name: string | null
  userId: string | null
  threadId: string | null
  release: string | null
  version: string | null
  environment: string
  tags: string[] | null
  isPublic: boolean
  createdAt: Timestamp
  updatedAt: Timestamp | null
  /** This and the next two are null when they were not asked for. */
  inputs: JsonText | null
  outputs: JsonText | null
  metadata: JsonText | null
  /** In seconds; null when not asked for. */
  latency: Decimal | null
  /** Null when not asked for. */
  totalCost: Decimal | null
  /** Null when not asked for. */
  observationIds: string[] | null
  /** Null when not asked for. */
  scoreIds: string[] | null
}

/** The columns of a trace that take time to read. */
export interface TraceColumns {
  io: boolean
  metrics: boolean
  observationIds: boolean
  scoreIds: boolean
}

/** What a list of traces can be ordered by. */
const orders = {
  timestamp: traceTime,
  id: sql`coalesce(trace.external_id, trace.id::text)`,
  name: traceFields.name,
  userId: traceFields.userId,
  sessionId: traceFields.threadId,
  release: sql`trace.release`,
  version: sql`trace.version`,
  public: traceFields.isPublic,
  // Nobody can set a bookmark. The cast is needed because ORDER BY takes a bare constant for the position of a column.
  bookmarked: sql`false::boolean`,
} as const

export type TraceOrderColumn = keyof typeof orders

export const traceOrderColumns = Object.keys(orders) as [TraceOrderColumn, ...TraceOrderColumn[]]

export interface TraceOrder {
  column: TraceOrderColumn
  direction: 'asc' | 'desc'
}

const observationIds = (within: Sql) => sql`(
    select array_agg(coalesce(held.external_id, held.id::text) order by held.start_time, held.id)
    from runs as held
    where held.tenant_id = ${anyTenant} and held.trace_id = trace.id and held.start_time is not null${within}
  )`

const scoreIds = (within: Sql) => sql`(
    select array_agg(coalesce(score.external_id, score.id::text) order by coalesce(score.timestamp, score.created_at) desc, score.id)
    from ${scoresOfTrace}${within}
  )`

/** @param environments conditions on environments, which the runs and scores that are counted or listed must meet too */
function columnsOf(wanted: TraceColumns, environments: readonly Filter[] = []): Sql {
  const within = (alias: string) =>
    filterListSql(environments, {
      columns: {
        environment: sql`coalesce(${raw(alias)}.environment, '${raw(defaultEnvironment)}')`,
      },
    })
  // Without such conditions, the worker has the numbers ready.
  const isAll = environments.length === 0
  const latency = isAll ? traceFields.latency : traceMetricsOf.latency(within('held'))
  const totalCost = isAll ? traceTotalCost : traceMetricsOf.totalCost(within('held'))
  return sql`trace.id, trace.external_id, ${traceTime} as timestamp, ${traceFields.name} as name,
  ${traceFields.userId} as user_id, ${traceFields.threadId} as thread_id, trace.release, trace.version,
  ${traceFields.environment} as environment, ${traceFields.tags} as tags, ${traceFields.isPublic} as is_public,
  ${traceFields.createdAt} as created_at, ${traceFields.updatedAt} as updated_at,
  ${askedSql(wanted.io, traceFields.inputs, 'json')} as inputs, ${askedSql(wanted.io, traceFields.outputs, 'json')} as outputs,
  ${askedSql(wanted.io, traceFields.metadata, 'json')} as metadata,
  ${askedSql(wanted.metrics, latency, 'numeric')} as latency,
  ${askedSql(wanted.metrics, totalCost, 'numeric')} as total_cost,
  ${askedSql(wanted.observationIds, sql`coalesce(${observationIds(within('held'))}, '{}')`, 'text[]')} as observation_ids,
  ${askedSql(wanted.scoreIds, sql`coalesce(${scoreIds(within('score'))}, '{}')`, 'text[]')} as score_ids`
}

/**
 * The condition that a trace on alias `trace` is visible. Usually nothing is being purged; then nothing is looked up
 * for it.
 */
export function visibleTraceSql(purging: readonly PurgingExperiment[]): Sql {
  const shown = sql`${traceTime} is not null`
  if (purging.length === 0) return shown
  const ids = sql`any (${purging.map(({ id }) => id)}::uuid[])`
  return sql`${shown}
    and (trace.experiment_id = ${ids}) is not true
    and not exists (
      select from runs as root
      where root.tenant_id = ${tenant} and root.id = trace.root_run_id and root.experiment_id = ${ids}
    )`
}

/**
 * Reads one page. Traces without a value come last, and ties are broken by id. A filter on environments also cuts what
 * is listed and counted of each trace (contracts/langfuse.md 2.9).
 */
export async function traceList(
  db: Queryable,
  tenantId: string,
  filters: readonly Filter[],
  { column, direction }: TraceOrder,
  { limit, offset }: Page,
  wanted: TraceColumns,
): Promise<TraceRow[]> {
  const purging = await experimentListPurging(db, tenantId)
  const isByTime = column === 'timestamp'
  const environments = filters.filter((filter) =>
    hasCondition(filter, ({ attribute }) => attribute === 'environment'),
  )
  const by = sql`${orders[column]} ${raw(direction)}`
  // This index contains no nulls, so `nulls last` would keep the planner from using it.
  const order = isByTime
    ? sql`${by}, trace.id ${raw(direction === 'asc' ? 'desc' : 'asc')}`
    : sql`${by} nulls last, trace.id`
  const ids = sql`
  select trace.id
  from traces as trace
  where trace.tenant_id = ${tenant} and ${visibleTraceSql(purging)}${filterListSql(filters, { ...traceSource, by: isByTime ? 'row' : 'count' })}
  order by ${order}
  limit ${String(limit)}::bigint offset ${String(offset)}::bigint`
  const statement = sql`
-- name: trace_list
-- One page of the traces that meet a filter, in an order, with the wanted columns. Reads only.
-- Reads the ids first, then each row of the page by its key: without statistics the planner would read every trace.
select ${columnsOf(wanted, environments)}
from ${pageRowsSql('traces', 'trace', ids)}
order by page.place`
  return runComposed<TraceRow>(db, tenantId, statement, { isPrepared: false, limit: 'list' })
}

export async function traceCount(
  db: Queryable,
  tenantId: string,
  filters: readonly Filter[],
): Promise<number> {
  const purging = await experimentListPurging(db, tenantId)
  const statement = sql`
-- name: trace_count
-- How many traces meet a filter. Reads only.
select count(*) as count
from traces as trace
where trace.tenant_id = ${tenant} and ${visibleTraceSql(purging)}${filterListSql(filters, { ...traceSource, by: 'count' })}`
  const options = { isPrepared: false, limit: filters.length > 0 ? 'count' : undefined } as const
  const [row] = await runComposed<{ count: number }>(db, tenantId, statement, options)
  return row!.count
}

/** @returns null when there is no such trace, or nothing of it has arrived but its id */
export async function traceFind(
  db: Queryable,
  tenantId: string,
  id: string,
  wanted: TraceColumns,
): Promise<TraceRow | null> {
  const purging = await experimentListPurging(db, tenantId)
  const statement = sql`
-- name: trace_find
-- One trace, unless its experiment is being purged, with the wanted columns. Reads only.
select ${columnsOf(wanted)}
from traces as trace
where trace.tenant_id = ${anyTenant} and ${visibleTraceSql(purging)} and trace.id = ${id}::uuid`
  const [row] = await runComposed<TraceRow>(db, tenantId, statement)
  return row ?? null
}

/**
 * Reads the next traces of a thread in the order of their times.
 * @param after null: from the first trace on
 */
export async function traceListOfThread(
  db: Queryable,
  tenantId: string,
  threadId: string,
  after: { timestamp: Timestamp; id: string } | null,
  limit: number,
): Promise<TraceRow[]> {
  const purging = await experimentListPurging(db, tenantId)
  const behind =
    after === null
      ? empty
      : sql`
    and (${traceTime}, trace.id) > (${after.timestamp}::text::timestamptz, ${after.id}::uuid)`
  const wanted = { io: true, metrics: false, observationIds: false, scoreIds: false }
  const statement = sql`
-- name: trace_list_of_thread
-- The next traces of a thread, in the order of their times. Reads only.
select ${columnsOf(wanted)}
from traces as trace
where trace.tenant_id = ${tenant} and ${visibleTraceSql(purging)} and ${traceFields.threadId} = ${threadId}::text${behind}
order by ${traceTime}, trace.id
limit ${limit}`
  return runComposed<TraceRow>(db, tenantId, statement)
}

/**
 * Returns the ids under which traces are stored: the given ones, and the traces of which these name the root run, as
 * LangSmith's clients do (contracts/langsmith.md 3.7).
 */
export async function traceListStored(
  db: Queryable,
  tenantId: string,
  ids: readonly string[],
): Promise<string[]> {
  const rows = await runStatement<{ id: string }>(db, 'trace_list_stored', [tenantId, ids])
  return rows.map(({ id }) => id)
}
