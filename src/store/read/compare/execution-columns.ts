import sql, { empty, type Sql } from 'sql-template-tag'
import {
  ColumnsBuilder,
  type Execution,
  type ExperimentColumns,
} from '../../../domain/stats/experiment-columns.ts'
import type { Db } from '../../pool.ts'
import { anyTenant, runComposed, streamComposed, tenant } from '../../statements.ts'
import { feedbackOfSql } from '../feedback/feedback-of.ts'
import { shownRunsSql } from '../shown-runs.ts'

/** What is known of the aggregates of an experiment. */
export interface ExperimentState {
  /** Another one after every change. */
  version: string
  items: number
  /** Every item is in trace_aggregates. */
  isComplete: boolean
}

/** Finds out how the aggregates of an experiment are. null: there are none yet. */
export async function experimentStateFind(
  db: Db,
  tenantId: string,
  experimentId: string,
): Promise<ExperimentState | null> {
  const statement = sql`
-- name: experiment_state_find
-- The version of the aggregates of an experiment: whatever refreshes a trace of it writes the row anew. Reads only.
select aggregate.xmin::text || aggregate.ctid::text as version, aggregate.item_count as items,
  aggregate.is_built and not exists (
    select from aggregate_passes where aggregate_passes.tenant_id = ${tenant}
  ) as is_complete
from experiment_aggregates as aggregate
where aggregate.tenant_id = ${tenant} and aggregate.experiment_id = ${experimentId}::uuid`
  const [state] = await runComposed<ExperimentState>(db, tenantId, statement)
  return state ?? null
}

/** How many executions come in one row: one each would take the driver longer than all the rest. */
const executionsPerRow = 500

/** Thrown when the columns of an experiment would take too much memory. */
export class ColumnsTooLargeError extends Error {
  override name = 'ColumnsTooLargeError'
}

/**
 * Reads the executions of an experiment into columns. Rows are handled as they come, so it takes the memory of the columns.
 * @param isComplete false: executions that are not in trace_aggregates are looked up
 * @param keys only these measures and categories; null: all
 * @throws ColumnsTooLargeError
 */
export async function executionColumnsRead(
  db: Db,
  tenantId: string,
  experimentId: string,
  {
    isComplete,
    keys,
    mostBytes,
  }: {
    isComplete: boolean
    keys: ReadonlySet<string> | null
    mostBytes: number
  },
): Promise<ExperimentColumns> {
  const unseen = isComplete
    ? empty
    : sql`
  union all
  select jsonb_build_array(item.example_id, item.id) from run_items as item
  where item.tenant_id = ${tenant} and item.experiment_id = ${experimentId}::uuid and item.example_id is not null
    and not exists (
      select from trace_aggregates as held
      where held.tenant_id = ${tenant} and held.trace_id = coalesce(item.trace_id, item.id)
        and held.experiment_id = item.experiment_id and held.executions is not null
    )`
  const statement = sql`
-- name: execution_list_measured
-- The executions of an experiment with their measures, by example and item, in arrays of some hundreds. What nothing marks
-- when it changes is read from the rows. Reads only.
with part as (
  select element as e
  from trace_aggregates as held
  cross join lateral jsonb_array_elements(held.executions) as element
  where held.tenant_id = ${tenant} and held.experiment_id = ${experimentId}::uuid${unseen}
),
execution as (
  select case when jsonb_array_length(e) = 2 then ${executionSql(sql`(e ->> 1)::uuid`)} else e end as e
  from part
  offset 0
),
placed as (
  select e, row_number() over (order by (e ->> 0) collate "C", (e ->> 1) collate "C") as place
  from execution
  where e is not null
),
parted as (
  select e, place, place / ${String(executionsPerRow)}::bigint as part from placed
)
select '[' || string_agg(e::text, ',' order by place) || ']' as executions
from parted
group by part
order by part`
  const builder = new ColumnsBuilder(keys)
  let isTooLarge = false
  await streamComposed(db, tenantId, statement, ({ executions }) => {
    isTooLarge ||= builder.bytes > mostBytes
    if (isTooLarge) return
    for (const execution of JSON.parse(executions as string) as Execution[]) builder.add(execution)
  })
  if (isTooLarge) throw new ColumnsTooLargeError(`more than ${mostBytes} bytes`)
  return builder.done()
}

/**
 * The execution that a run item is, from the rows as they are, in the shape of `trace_aggregates.executions` with `true`
 * behind it; null when it is no execution of its own. Feedback on the run that names a trace in which the run is not
 * counts for nothing, as in the other aggregates.
 */
export function executionSql(item: Sql): Sql {
  return sql`(
    select jsonb_build_array(
      run.reference_example_id, run.item_id, run.status, (extract(epoch from run.duration) * 1000000)::bigint,
      run.total_tokens, trim_scale(run.total_cost), coalesce(given.scores, '{}'), coalesce(given.labels, '{}'),
      coalesce(given.configs, '{}'), true
    )
    from ${shownRunsSql} as run
    cross join lateral (
      select jsonb_object_agg(key, score) filter (where score is not null) as scores,
        jsonb_object_agg(key, labels) filter (where labels is not null) as labels,
        jsonb_object_agg(key, config_id) filter (where config_id is not null) as configs
      from (
        select key, runmill_average(sum(total), sum(scored)::bigint) as score, min(config_id collate "C") as config_id,
          jsonb_object_agg(label, n) filter (where label is not null) as labels
        from (
          select point.key, said.label, count(*) as n, count(point.score_number) as scored,
            sum(point.score_number::text::numeric) as total,
            min(point.config_id collate "C") filter (where point.score_number is not null) as config_id
          from ${feedbackOfSql(sql`run.run_id`, sql`run.trace_id`)} as point
          cross join lateral (
            select case when point.score_number is null and length(point.value_text) <= 200 then point.value_text end
          ) as said (label)
          where point.key is not null and point.comparative_experiment_id is null and (
            point.trace_id is null or point.trace_id = run.trace_id or point.trace_id = (
              select runs.trace_id from runs where runs.tenant_id = ${anyTenant} and runs.id = run.run_id
            )
          )
          group by point.key, said.label
        ) as per_label
        group by key
      ) as per_key
    ) as given
    where run.item_id = ${item} and run.reference_example_id is not null and not run.yields
  )`
}
