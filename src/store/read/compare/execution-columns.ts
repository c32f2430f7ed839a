import sql, { empty } from 'sql-template-tag'
import {
  ColumnsBuilder,
  type Execution,
  type ExperimentColumns,
} from '../../../domain/stats/experiment-columns.ts'
import type { Db } from '../../pool.ts'
import { runComposed, streamComposed, tenant } from '../../statements.ts'

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
  select case when jsonb_array_length(e) = 2 then runmill_execution(${tenant}, (e ->> 1)::uuid) else e end as e
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
