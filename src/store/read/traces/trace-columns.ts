import { entityFields } from '../../../domain/entities.ts'
import { defaultEnvironment } from '../../../domain/environment.ts'
import type { FilterColumn, FilterColumns } from '../filter/langfuse-filter-sql.ts'

/*
 * A trace as Langfuse's clients see it, on alias `trace`; the tenant is $1. LangSmith's clients, and some of Langfuse's,
 * say nothing of a trace but its runs: then its root run speaks for it, field by field. What is searched for the worker
 * has copied from there (`root_…`): a look-up for each trace of a tenant takes a second.
 */

/** When it began: what it is listed by. Null: nothing of it has arrived but its id. */
export const traceTime = 'trace.shown_time'

/** A field that a client has cleared stays empty, so the bit counts, not the value. */
function orRoot(property: string, own: string, root: string): string {
  const slot = entityFields.trace.findIndex(({ columns }) => Object.hasOwn(columns, property))
  return `case when trace.m & ${2n ** BigInt(slot)} <> 0 then ${own} else ${root} end`
}

/** Of what is too large to be copied. */
function ofRoot(column: string): string {
  return `(select root.${column} from runs as root where root.tenant_id = $1 and root.id = trace.root_run_id)`
}

/** What a trace shows for itself or for its root run. */
export const traceFields = {
  name: orRoot('name', 'trace.name', 'trace.root_name'),
  userId: orRoot('userId', 'trace.user_id', 'trace.root_user_id'),
  threadId: 'trace.shown_thread_id',
  environment: `coalesce(trace.environment, trace.root_environment, '${defaultEnvironment}')`,
  // Tags only ever unite (contracts/langfuse.md 3.2).
  tags: 'runmill_union(trace.tags, trace.root_tags)',
  // The same for a search: some may be there twice. The function takes 20 us, which counts for every trace of a tenant.
  unsortedTags: `nullif(coalesce(trace.tags, '{}') || coalesce(trace.root_tags, '{}'), '{}')`,
  metadata: orRoot('metadata', 'trace.metadata', ofRoot('metadata')),
  inputs: `coalesce(trace.inputs, ${ofRoot('inputs')})`,
  outputs: `coalesce(trace.outputs, ${ofRoot('outputs')})`,
  createdAt: `coalesce(trace.created_at, ${ofRoot('created_at')}, ${traceTime})`,
  updatedAt: `greatest(trace.updated_at, ${ofRoot('updated_at')})`,
  isPublic: 'coalesce(trace.is_public, false)',
  // Seconds.
  latency: 'coalesce(extract(epoch from trace.end_time - trace.start_time), 0)',
} as const

const levelOf = (run: string) =>
  `coalesce(${run}.level, case when ${run}.status = 'error' then 'ERROR' else 'DEFAULT' end)`

const runsOfTrace =
  'runs as held where held.tenant_id = $1 and held.trace_id = trace.id and held.start_time is not null'

/**
 * Whose usage counts: every observation's that Langfuse's clients gave it to, and of others those of models alone, for
 * their parents repeat it.
 */
const isSource = (details: string) => `(held.run_type in ('llm', 'embedding') or ${details})`
const countsTokens = isSource(`held.usage_details::text like '{"usage_details"%'`)
const countsCosts = isSource('held.cost_details is not null')

function sumOf(column: string, condition: string): string {
  return `(select coalesce(sum(held.${column}) filter (where ${condition}), 0)::numeric from ${runsOfTrace})`
}

/** The worker sums it up with the other roll-ups. */
export const traceTotalCost = 'coalesce(trace.shown_cost, 0)'

/** Most severe level of its observations (contracts/langfuse.md 3.7). */
const traceLevel = `(select (array['DEBUG', 'DEFAULT', 'WARNING', 'ERROR'])[
    coalesce(max(array_position(array['DEBUG', 'DEFAULT', 'WARNING', 'ERROR'], ${levelOf('held')})), 2)] from ${runsOfTrace})`

function countOf(level: string): FilterColumn {
  const sql = `(select count(*) from ${runsOfTrace} and ${levelOf('held')} = '${level}')`
  return { kind: 'number', sql }
}

/**
 * FROM and WHERE of the scores of a trace and of its observations, as alias `score`. Observation by observation, and
 * those of other traces are left out afterwards: without statistics the planner would read all scores of the tenant
 * that name no trace, for every observation (20 ms each at 50,000).
 */
export const scoresOfTrace = `(
      select own.* from feedback as own where own.tenant_id = $1 and own.trace_id = trace.id
      union all
      select scored.*
      from runs as held
      cross join lateral (
        select * from feedback
        where feedback.tenant_id = $1 and feedback.run_id = held.id
        offset 0
      ) as scored
      where held.tenant_id = $1 and held.trace_id = trace.id and scored.trace_id is null
      offset 0
    ) as score where score.key is not null`

const number = (sql: string): FilterColumn => ({ kind: 'number', sql })
const text = (sql: string): FilterColumn => ({ kind: 'text', sql })

/** Scores by the trace that they are on, or that has the run that they are on. */
const scored = {
  by: 'id',
  rows: `(
      select coalesce(own.trace_id, (
          select held.trace_id from runs as held where held.tenant_id = $1 and held.id = own.run_id
        )) as target, own.key, own.data_type, own.score, own.score_number, own.value_text
      from feedback as own
      where own.tenant_id = $1
    ) as score where true`,
}

/** What `GET /traces` can be asked about (contracts/langfuse.md 2.17). */
export const traceFilterColumns: FilterColumns = {
  id: {
    kind: 'id',
    of: 'trace',
    sql: 'trace.id',
    shown: 'coalesce(trace.external_id, trace.id::text)',
  },
  timestamp: { kind: 'time', sql: traceTime },
  name: { kind: 'text', sql: traceFields.name, isIndexed: true },
  userId: { kind: 'text', sql: traceFields.userId, isIndexed: true },
  sessionId: text(traceFields.threadId),
  environment: text(traceFields.environment),
  version: text('trace.version'),
  release: text('trace.release'),
  tags: { kind: 'list', sql: traceFields.unsortedTags },
  traceTags: { kind: 'list', sql: traceFields.unsortedTags },
  metadata: { kind: 'map', sql: `(${traceFields.metadata})` },
  // Nobody can set a bookmark by an interface.
  bookmarked: { kind: 'flag', sql: 'false' },
  public: { kind: 'flag', sql: traceFields.isPublic },
  level: text(traceLevel),
  errorCount: countOf('ERROR'),
  warningCount: countOf('WARNING'),
  defaultCount: countOf('DEFAULT'),
  debugCount: countOf('DEBUG'),
  latency: number(traceFields.latency),
  inputTokens: number(sumOf('prompt_tokens', countsTokens)),
  outputTokens: number(sumOf('completion_tokens', countsTokens)),
  totalTokens: number(sumOf('total_tokens', countsTokens)),
  tokens: number(sumOf('total_tokens', countsTokens)),
  inputCost: number(sumOf('prompt_cost', countsCosts)),
  outputCost: number(sumOf('completion_cost', countsCosts)),
  totalCost: number(traceTotalCost),
  scores_avg: { kind: 'averages', ...scored },
  scores: { kind: 'averages', ...scored },
  score_categories: { kind: 'categories', ...scored },
  score_booleans: { kind: 'booleans', ...scored },
}

/** A level as Langfuse knows it, of a run whose dialect has none. */
export { levelOf as runLevelSql }
