import sql from 'sql-template-tag'
import { anyTenant } from '../../statements.ts'
import type { FilterSource } from '../filter/filter-sql.ts'
import { traceFields, tracesOfTenant as shared } from '../traces/trace-columns.ts'

/* Feedback as a score, on alias `feedback`, with its run, if it has one, as `run`. */

export const scoreFields = {
  // Inferred from the values when the client named no type.
  dataType: sql`coalesce(feedback.data_type, case
    when feedback.value_text is not null then 'CATEGORICAL'
    when feedback.score::text in ('true', 'false') then 'BOOLEAN'
    when feedback.score_number is not null then 'NUMERIC'
    else 'TEXT' end)`,
  time: sql`coalesce(feedback.timestamp, feedback.created_at)`,
  traceId: sql`coalesce(feedback.trace_id, run.trace_id)`,
} as const

/** The attributes by which the lists of scores can filter (contracts/langfuse.md 2.17). */
export const scoreSource: FilterSource = {
  columns: {
    id: { sql: sql`feedback.id`, spelling: sql`coalesce(feedback.external_id, feedback.id::text)` },
    timestamp: scoreFields.time,
    environment: sql`coalesce(feedback.environment, 'default')`,
    trace_id: {
      // The run is looked up only where it is needed.
      sql: sql`coalesce(feedback.trace_id, (
      select held.trace_id from runs as held where held.tenant_id = ${anyTenant} and held.id = feedback.run_id
    ))`,
      spelling: sql`coalesce(feedback.external_trace_id, run.external_trace_id, ${scoreFields.traceId}::text)`,
    },
    run_id: {
      sql: sql`feedback.run_id`,
      spelling: sql`coalesce(feedback.external_run_id, run.external_id, feedback.run_id::text)`,
    },
    thread_id: sql`feedback.thread_id`,
    name: sql`feedback.key`,
    score: sql`feedback.score_number`,
    score_flag: sql`case when ${scoreFields.dataType} = 'BOOLEAN' then feedback.score_number <> 0 end`,
    score_text: sql`case
      when ${scoreFields.dataType} = 'BOOLEAN' then case when feedback.score_number <> 0 then 'True' else 'False' end
      when ${scoreFields.dataType} <> 'NUMERIC' then feedback.value_text end`,
    source: sql`case
      when feedback.source_type in ('annotation', 'app') then 'ANNOTATION'
      when feedback.source_type in ('eval', 'model', 'auto_eval') then 'EVAL'
      else 'API' end`,
    comment: sql`feedback.comment`,
    // There are no user accounts, so no score has an author.
    author_id: sql`null::text`,
    data_type: scoreFields.dataType,
    metadata: sql`feedback.metadata`,
    trace_name: { sql: traceFields.name, isIndexed: true, shared },
    user_id: { sql: traceFields.userId, isIndexed: true, shared },
    trace_environment: { sql: traceFields.environment, shared },
    trace_tags: { sql: traceFields.unsortedTags, shared },
  },
}
