import { inline } from '../bridge.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import {
  langfuseFilterSql,
  type Bind,
  type FilterColumn,
  type FilterColumns,
  type LangfuseCondition,
} from '../filter/langfuse-filter-sql.ts'

/** Which items to look at, of whatever dialect's experiments: by when their executions began. */
export interface ExperimentItemQuery {
  tenantId: string
  /** Inclusive. */
  from: Timestamp
  /** Exclusive; null: to this day. */
  to: Timestamp | null
  /** Over `experimentItemFilterColumns`; all must hold. */
  conditions: readonly LangfuseCondition[]
}

const experimentId: FilterColumn = {
  kind: 'id',
  of: 'experiment',
  sql: 'item.experiment_id',
  shown: 'coalesce(experiments.external_id, item.experiment_id::text)',
}

const experimentName: FilterColumn = { kind: 'text', sql: 'experiments.name' }

const datasetId: FilterColumn = {
  kind: 'id',
  of: 'dataset',
  sql: 'experiments.dataset_id',
  shown: `(select coalesce(datasets.external_id, datasets.id::text) from datasets
    where datasets.tenant_id = $1 and datasets.id = experiments.dataset_id)`,
}

/** What the `filter` of experiment items may be about (contracts/langfuse.md 2.11). */
export const experimentItemFilterColumns: FilterColumns = {
  experimentId,
  experimentName,
  experimentItemId: {
    kind: 'id',
    of: 'example',
    sql: 'item.example_id',
    shown: `coalesce(item.external_example_id, (
      select examples.external_id from examples
      where examples.tenant_id = $1 and examples.id = item.example_id
      order by examples.valid_from desc limit 1
    ), item.example_id::text)`,
  },
  datasetId,
}

/** The same for experiments. */
export const experimentFilterColumns: FilterColumns = {
  id: {
    kind: 'id',
    of: 'experiment',
    sql: 'experiments.id',
    shown: 'coalesce(experiments.external_id, experiments.id::text)',
  },
  name: experimentName,
  datasetId,
}

/**
 * Run items with the run that each shows: the one that it links, or the root run of the trace that it links. A link of a
 * whole trace yields to a link of a run in it: it is the same execution, told twice. `limit 1` says what the planner cannot
 * know of tables that were just filled (see `itemRun`). Binds the tenant as $1.
 */
export function itemSetSql(
  { conditions }: Pick<ExperimentItemQuery, 'conditions'>,
  columns: FilterColumns,
  bind: Bind,
): string {
  return `
  select item.id, item.experiment_id, item.trace_id, item.run_id, run.id as shown_run_id,
    coalesce(run.start_time, run.created_at, trace.timestamp, trace.start_time, item.created_at) as start_time,
    case when run.id is not null then run.end_time when item.run_id is null then trace.end_time end as end_time,
    extract(epoch from
      case when item.run_id is null then trace.end_time - trace.start_time else run.end_time - run.start_time end
    )::double precision as latency
  from run_items as item
  join experiments on experiments.tenant_id = item.tenant_id and experiments.id = item.experiment_id
  left join lateral (
    select traces.* from traces where traces.tenant_id = item.tenant_id and traces.id = item.trace_id limit 1
  ) as trace on true
  left join lateral (
    select runs.* from runs
    where runs.tenant_id = item.tenant_id and runs.id = coalesce(item.run_id, trace.root_run_id)
    limit 1
  ) as run on true
  where item.tenant_id = $1 and item.example_id is not null and item.trace_id is not null
    and (item.run_id is not null or not exists (
      select from run_items as closer
      where closer.tenant_id = item.tenant_id and closer.trace_id = item.trace_id
        and closer.experiment_id = item.experiment_id and closer.example_id = item.example_id
        and closer.run_id is not null
    ))${inline(langfuseFilterSql(columns, conditions), bind)}`
}

/** Condition on `item`: its execution began within the time that is asked for. */
export function inTimeSql({ from, to }: ExperimentItemQuery, bind: Bind): string {
  const start = `item.start_time >= ${bind(from)}::timestamptz`
  return to === null ? start : `${start} and item.start_time < ${bind(to)}::timestamptz`
}
