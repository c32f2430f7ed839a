import sql, { join, raw, type Sql } from 'sql-template-tag'
import { observationTypes, runTypeOf } from '../../../domain/observation-types.ts'
import { defaultEnvironment } from '../../../domain/environment.ts'
import { anyTenant, tenant } from '../../statements.ts'
import type { FilterSource } from '../filter/filter-sql.ts'
import { runsByName, runsByUser } from './found-runs.ts'
import { runLevelSql, traceFields, tracesOfTenant as shared } from '../traces/trace-columns.ts'

/* The columns of a run as an observation, on alias `run`. */

function ofTrace(field: Sql): Sql {
  return sql`(select ${field} from traces as trace where trace.tenant_id = ${anyTenant} and trace.id = run.trace_id)`
}

const typeOfRunType = join(
  observationTypes.map((type) => sql`when '${raw(runTypeOf(type))}' then '${raw(type)}'`),
  ' ',
)

export const observationFields = {
  isRoot: sql`(run.parent_run_id is null or coalesce(run.is_app_root, false))`,
  type: sql`case run.run_type ${typeOfRunType} else 'SPAN' end`,
  level: runLevelSql('run'),
  environment: sql`coalesce(run.environment, '${raw(defaultEnvironment)}')`,
  // LangSmith's clients name the model in the metadata.
  model: sql`coalesce(run.model, run.metadata ->> 'ls_model_name')`,
  userId: sql`coalesce(run.user_id, ${ofTrace(traceFields.userId)})`,
  // The thread of its trace, which has one as soon as one of its runs does.
  threadId: ofTrace(traceFields.threadId),
  traceName: ofTrace(traceFields.name),
  traceTags: ofTrace(traceFields.tags),
  traceRelease: ofTrace(sql`trace.release`),
  isPublic: sql`coalesce(${ofTrace(traceFields.isPublic)}, false)`,
} as const

// An end that lies before the start counts as the start.
const latency = sql`case when run.end_time is not null then extract(epoch from greatest(run.end_time, run.start_time) - run.start_time) end`

/** The attributes by which the lists of observations can filter (contracts/langfuse.md 2.17). */
export const observationSource: FilterSource = {
  columns: {
    id: { sql: sql`run.id`, spelling: sql`coalesce(run.external_id, run.id::text)` },
    trace_id: {
      sql: sql`run.trace_id`,
      spelling: sql`coalesce(run.external_trace_id, run.trace_id::text)`,
    },
    parent_run_id: {
      sql: sql`run.parent_run_id`,
      spelling: sql`coalesce(run.external_parent_run_id, run.parent_run_id::text)`,
    },
    is_root: observationFields.isRoot,
    observation_type: observationFields.type,
    name: { sql: sql`run.name`, isIndexed: true, found: runsByName },
    level: { sql: observationFields.level, implies: { ERROR: sql`run.status = 'error'` } },
    status_message: sql`coalesce(run.status_message, run.error::text)`,
    environment: observationFields.environment,
    version: sql`run.version`,
    start_time: sql`run.start_time`,
    end_time: sql`run.end_time`,
    user_id: {
      sql: traceFields.userId,
      isIndexed: true,
      shared: { ...shared, own: sql`run.user_id` },
      found: runsByUser,
    },
    thread_id: { sql: traceFields.threadId, shared },
    trace_name: { sql: traceFields.name, isIndexed: true, shared },
    trace_environment: { sql: traceFields.environment, shared },
    trace_tags: { sql: traceFields.unsortedTags, shared },
    latency,
    first_token_latency: sql`extract(epoch from run.first_token_time - run.start_time)`,
    tokens_per_second: sql`run.completion_tokens / nullif(${latency}, 0)`,
    prompt_tokens: sql`run.prompt_tokens`,
    completion_tokens: sql`run.completion_tokens`,
    total_tokens: sql`run.total_tokens`,
    prompt_cost: sql`run.prompt_cost`,
    completion_cost: sql`run.completion_cost`,
    total_cost: sql`run.total_cost`,
    model: observationFields.model,
    // There are no model definitions to match (contracts/langfuse.md 2 leaves them out).
    model_id: sql`null::text`,
    prompt_name: sql`run.prompt_name`,
    prompt_version: sql`run.prompt_version`,
    input_text: sql`run.inputs::text`,
    output_text: sql`run.outputs::text`,
    metadata: sql`run.metadata`,
    scores: {
      by: 'id',
      rows: sql`(
      select own.run_id as target, own.key, own.data_type, own.score, own.score_number, own.value_text
      from feedback as own
      where own.tenant_id = ${tenant}
    ) as score where true`,
      ofRow: sql`feedback as score where score.tenant_id = ${tenant} and score.run_id = run.id`,
    },
  },
}
