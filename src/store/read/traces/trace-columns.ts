import sql, { raw, type Sql } from 'sql-template-tag'
import { entityFields } from '../../../domain/entities.ts'
import { defaultEnvironment } from '../../../domain/environment.ts'
import { anyTenant, tenant } from '../../statements.ts'
import type { FilterSource, SharedColumn } from '../filter/filter-sql.ts'

/*
 * The columns of a trace as Langfuse's clients see it, on alias `trace`. LangSmith's clients, and some of Langfuse's,
 * send only the runs of a trace and nothing about the trace itself; then its root run supplies each missing field.
 * Fields that can be searched were copied from the root run by the worker (`root_…`), because looking the root run up
 * for each trace of a tenant takes a second.
 */

/** When the trace began, by which it is listed. Null when nothing of the trace has arrived but its id. */
export const traceTime = sql`trace.shown_time`

/** A field that a client has cleared stays empty. That is why the bit decides, and not whether there is a value. */
function orRoot(property: string, own: Sql, root: Sql): Sql {
  const slot = entityFields.trace.findIndex(({ columns }) => Object.hasOwn(columns, property))
  return sql`case when trace.m & ${raw(String(2n ** BigInt(slot)))} <> 0 then ${own} else ${root} end`
}

/** Reads a column from the root run itself, for values that are too large to be copied. */
function ofRoot(column: string): Sql {
  return sql`(select root.${raw(column)} from runs as root where root.tenant_id = ${anyTenant} and root.id = trace.root_run_id)`
}

/** What a trace shows: its own value, or that of its root run. */
export const traceFields = {
  name: orRoot('name', sql`trace.name`, sql`trace.root_name`),
  userId: orRoot('userId', sql`trace.user_id`, sql`trace.root_user_id`),
  threadId: sql`trace.shown_thread_id`,
  environment: sql`coalesce(trace.environment, trace.root_environment, '${raw(defaultEnvironment)}')`,
  // Tags are only ever added, so the two lists are united (contracts/langfuse.md 3.2).
  tags: sql`runmill_union(trace.tags, trace.root_tags)`,
  // For searches, where duplicates do no harm: `runmill_union` takes 20 us, and would run for every trace of a tenant.
  unsortedTags: sql`nullif(coalesce(trace.tags, '{}') || coalesce(trace.root_tags, '{}'), '{}')`,
  metadata: orRoot('metadata', sql`trace.metadata`, ofRoot('metadata')),
  inputs: sql`coalesce(trace.inputs, ${ofRoot('inputs')})`,
  outputs: sql`coalesce(trace.outputs, ${ofRoot('outputs')})`,
  createdAt: sql`coalesce(trace.created_at, ${ofRoot('created_at')}, ${traceTime})`,
  updatedAt: sql`greatest(trace.updated_at, ${ofRoot('updated_at')})`,
  isPublic: sql`coalesce(trace.is_public, false)`,
  // In seconds.
  latency: sql`coalesce(extract(epoch from trace.end_time - trace.start_time), 0)`,
} as const

/** Returns the level of a run. A run whose dialect has no levels gets one by its status. */
export function runLevelSql(run: string): Sql {
  return sql`coalesce(${raw(run)}.level, case when ${raw(run)}.status = 'error' then 'ERROR' else 'DEFAULT' end)`
}

const runsOfTrace = sql`runs as held where held.tenant_id = ${anyTenant} and held.trace_id = trace.id and held.start_time is not null`

/**
 * Which observations' usage counts: those that Langfuse's clients gave usage to, and of the others only models, because
 * their parents repeat it.
 */
const isSource = (details: Sql) => sql`(held.run_type in ('llm', 'embedding') or ${details})`
const countsTokens = isSource(sql`held.usage_details::text like '{"usage_details"%'`)
const countsCosts = isSource(sql`held.cost_details is not null`)

function sumOf(column: string, condition: Sql): Sql {
  return sql`(select coalesce(sum(held.${raw(column)}) filter (where ${condition}), 0)::numeric from ${runsOfTrace})`
}

/** The total cost, which the worker sums up along with the other roll-ups. */
export const traceTotalCost = sql`coalesce(trace.shown_cost, 0)`

/** The latency and total cost of those runs alone that meet further conditions on `held`, which begin with `and`. */
export const traceMetricsOf = {
  latency: (conditions: Sql): Sql => sql`(
    select coalesce(extract(epoch from max(greatest(held.end_time, held.start_time)) - min(held.start_time)), 0)
    from ${runsOfTrace}${conditions}
  )`,
  totalCost: (conditions: Sql): Sql => sql`(
    select coalesce(sum(held.total_cost) filter (where ${countsCosts}), 0)::numeric from ${runsOfTrace}${conditions}
  )`,
} as const

/** The most severe level of its observations (contracts/langfuse.md 3.7). */
const traceLevel = sql`(select (array['DEBUG', 'DEFAULT', 'WARNING', 'ERROR'])[
    coalesce(max(array_position(array['DEBUG', 'DEFAULT', 'WARNING', 'ERROR'], ${runLevelSql('held')})), 2)] from ${runsOfTrace})`

function countOf(level: string): Sql {
  return sql`(select count(*) from ${runsOfTrace} and ${runLevelSql('held')} = '${raw(level)}')`
}

/**
 * FROM and WHERE of the scores of a trace and of its observations, as alias `score`. Scores are looked up observation
 * by observation, and those of other traces are dropped afterwards. Otherwise a planner without statistics would read,
 * for every observation, all scores of the tenant that name no trace (20 ms each at 50,000).
 */
export const scoresOfTrace = sql`(
      select own.* from feedback as own where own.tenant_id = ${anyTenant} and own.trace_id = trace.id
      union all
      select scored.*
      from runs as held
      cross join lateral (
        select * from feedback
        where feedback.tenant_id = ${anyTenant} and feedback.run_id = held.id
        offset 0
      ) as scored
      where held.tenant_id = ${anyTenant} and held.trace_id = trace.id and scored.trace_id is null
      offset 0
    ) as score where score.key is not null`

/** The tags of a trace and of its root run, as the index on them has them. */
const indexedTags = (alias: Sql) => ({
  isIndexed: sql`(${alias}.tags is not null or ${alias}.root_tags is not null)`,
  column: { sql: sql`(coalesce(${alias}.tags, '{}') || coalesce(${alias}.root_tags, '{}'))` },
})
const foundTags = indexedTags(sql`found`)

/** Traces by a tag. */
const tracesByTag = {
  id: sql`found.id`,
  rows: sql`traces as found where found.tenant_id = ${tenant} and ${foundTags.isIndexed}`,
  column: foundTags.column,
  operators: ['has', 'in', 'all'],
  own: indexedTags(sql`trace`),
} as const satisfies SharedColumn['found']

/** The attributes by which `GET /traces` can filter (contracts/langfuse.md 2.17). */
export const traceSource: FilterSource = {
  columns: {
    id: { sql: sql`trace.id`, spelling: sql`coalesce(trace.external_id, trace.id::text)` },
    timestamp: traceTime,
    name: { sql: traceFields.name, isIndexed: true },
    user_id: { sql: traceFields.userId, isIndexed: true },
    thread_id: traceFields.threadId,
    environment: traceFields.environment,
    version: sql`trace.version`,
    release: sql`trace.release`,
    tags: { sql: traceFields.unsortedTags, found: tracesByTag },
    metadata: sql`(${traceFields.metadata})`,
    // There is no interface in which anybody could set a bookmark.
    is_bookmarked: sql`false`,
    is_public: traceFields.isPublic,
    level: traceLevel,
    error_count: countOf('ERROR'),
    warning_count: countOf('WARNING'),
    default_count: countOf('DEFAULT'),
    debug_count: countOf('DEBUG'),
    latency: traceFields.latency,
    prompt_tokens: sumOf('prompt_tokens', countsTokens),
    completion_tokens: sumOf('completion_tokens', countsTokens),
    total_tokens: sumOf('total_tokens', countsTokens),
    prompt_cost: sumOf('prompt_cost', countsCosts),
    completion_cost: sumOf('completion_cost', countsCosts),
    total_cost: traceTotalCost,
    // The trace is the one that was scored, or the one that contains the scored run.
    scores: {
      by: 'id',
      rows: sql`(
      select coalesce(own.trace_id, (
          select held.trace_id from runs as held where held.tenant_id = ${anyTenant} and held.id = own.run_id
        )) as target, own.key, own.data_type, own.score, own.score_number, own.value_text
      from feedback as own
      where own.tenant_id = ${tenant}
    ) as score where true`,
      ofRow: scoresOfTrace,
    },
  },
}

/** All traces of the tenant, for filters on rows that each show something of the trace they are in. */
export const tracesOfTenant = {
  by: 'trace_id',
  id: sql`trace.id`,
  rows: sql`traces as trace where trace.tenant_id = ${tenant}`,
} as const
