import sql, { raw, type Sql } from 'sql-template-tag'
import { entityFields } from '../../../domain/entities.ts'
import { defaultEnvironment } from '../../../domain/environment.ts'
import { tenant } from '../../statements.ts'
import type { FilterSource } from '../filter/filter-sql.ts'

/*
 * A trace as Langfuse's clients see it, on alias `trace`. LangSmith's clients, and some of Langfuse's,
 * say nothing of a trace but its runs: then its root run speaks for it, field by field. What is searched for the worker
 * has copied from there (`root_…`): a look-up for each trace of a tenant takes a second.
 */

/** When it began: what it is listed by. Null: nothing of it has arrived but its id. */
export const traceTime = sql`trace.shown_time`

/** A field that a client has cleared stays empty, so the bit counts, not the value. */
function orRoot(property: string, own: Sql, root: Sql): Sql {
  const slot = entityFields.trace.findIndex(({ columns }) => Object.hasOwn(columns, property))
  return sql`case when trace.m & ${raw(String(2n ** BigInt(slot)))} <> 0 then ${own} else ${root} end`
}

/** Of what is too large to be copied. */
function ofRoot(column: string): Sql {
  return sql`(select root.${raw(column)} from runs as root where root.tenant_id = ${tenant} and root.id = trace.root_run_id)`
}

/** What a trace shows for itself or for its root run. */
export const traceFields = {
  name: orRoot('name', sql`trace.name`, sql`trace.root_name`),
  userId: orRoot('userId', sql`trace.user_id`, sql`trace.root_user_id`),
  threadId: sql`trace.shown_thread_id`,
  environment: sql`coalesce(trace.environment, trace.root_environment, '${raw(defaultEnvironment)}')`,
  // Tags only ever unite (contracts/langfuse.md 3.2).
  tags: sql`runmill_union(trace.tags, trace.root_tags)`,
  // For a search, where some may be there twice: the function takes 20 us, which counts for every trace of a tenant.
  unsortedTags: sql`nullif(coalesce(trace.tags, '{}') || coalesce(trace.root_tags, '{}'), '{}')`,
  metadata: orRoot('metadata', sql`trace.metadata`, ofRoot('metadata')),
  inputs: sql`coalesce(trace.inputs, ${ofRoot('inputs')})`,
  outputs: sql`coalesce(trace.outputs, ${ofRoot('outputs')})`,
  createdAt: sql`coalesce(trace.created_at, ${ofRoot('created_at')}, ${traceTime})`,
  updatedAt: sql`greatest(trace.updated_at, ${ofRoot('updated_at')})`,
  isPublic: sql`coalesce(trace.is_public, false)`,
  // Seconds.
  latency: sql`coalesce(extract(epoch from trace.end_time - trace.start_time), 0)`,
} as const

/** A level as Langfuse knows it, of a run whose dialect has none. */
export function runLevelSql(run: string): Sql {
  return sql`coalesce(${raw(run)}.level, case when ${raw(run)}.status = 'error' then 'ERROR' else 'DEFAULT' end)`
}

const runsOfTrace = sql`runs as held where held.tenant_id = ${tenant} and held.trace_id = trace.id and held.start_time is not null`

/**
 * Whose usage counts: every observation's that Langfuse's clients gave it to, and of others those of models alone, for
 * their parents repeat it.
 */
const isSource = (details: Sql) => sql`(held.run_type in ('llm', 'embedding') or ${details})`
const countsTokens = isSource(sql`held.usage_details::text like '{"usage_details"%'`)
const countsCosts = isSource(sql`held.cost_details is not null`)

function sumOf(column: string, condition: Sql): Sql {
  return sql`(select coalesce(sum(held.${raw(column)}) filter (where ${condition}), 0)::numeric from ${runsOfTrace})`
}

/** The worker sums it up with the other roll-ups. */
export const traceTotalCost = sql`coalesce(trace.shown_cost, 0)`

/** Most severe level of its observations (contracts/langfuse.md 3.7). */
const traceLevel = sql`(select (array['DEBUG', 'DEFAULT', 'WARNING', 'ERROR'])[
    coalesce(max(array_position(array['DEBUG', 'DEFAULT', 'WARNING', 'ERROR'], ${runLevelSql('held')})), 2)] from ${runsOfTrace})`

function countOf(level: string): Sql {
  return sql`(select count(*) from ${runsOfTrace} and ${runLevelSql('held')} = '${raw(level)}')`
}

/**
 * FROM and WHERE of the scores of a trace and of its observations, as alias `score`. Observation by observation, and
 * those of other traces are left out afterwards: without statistics the planner would read all scores of the tenant
 * that name no trace, for every observation (20 ms each at 50,000).
 */
export const scoresOfTrace = sql`(
      select own.* from feedback as own where own.tenant_id = ${tenant} and own.trace_id = trace.id
      union all
      select scored.*
      from runs as held
      cross join lateral (
        select * from feedback
        where feedback.tenant_id = ${tenant} and feedback.run_id = held.id
        offset 0
      ) as scored
      where held.tenant_id = ${tenant} and held.trace_id = trace.id and scored.trace_id is null
      offset 0
    ) as score where score.key is not null`

/** What `GET /traces` can be asked about (contracts/langfuse.md 2.17). */
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
    tags: traceFields.unsortedTags,
    metadata: sql`(${traceFields.metadata})`,
    // Nobody can set a bookmark by an interface.
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
    // Scores by the trace that they are on, or that has the run that they are on.
    scores: {
      by: 'id',
      rows: sql`(
      select coalesce(own.trace_id, (
          select held.trace_id from runs as held where held.tenant_id = ${tenant} and held.id = own.run_id
        )) as target, own.key, own.data_type, own.score, own.score_number, own.value_text
      from feedback as own
      where own.tenant_id = ${tenant}
    ) as score where true`,
    },
  },
}

/** All traces, for rows of which each shows something of its own trace. */
export const tracesOfTenant = {
  by: 'trace_id',
  id: sql`trace.id`,
  rows: sql`traces as trace where trace.tenant_id = ${tenant}`,
} as const
