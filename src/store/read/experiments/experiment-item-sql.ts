import sql, { type Sql } from 'sql-template-tag'
import type { Timestamp } from '../../../domain/timestamp.ts'
import { tenant } from '../../statements.ts'
import {
  langfuseFilterSql,
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
    sql: 'item.reference_example_id',
    shown: `coalesce(item.external_example_id, (
      select examples.external_id from examples
      where examples.tenant_id = $1 and examples.id = item.reference_example_id
      order by examples.valid_from desc limit 1
    ), item.reference_example_id::text)`,
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

/** Select of the run items that are executions, each once, with the run that it shows; more conditions may follow. */
export function itemSetSql(
  { conditions }: Pick<ExperimentItemQuery, 'conditions'>,
  columns: FilterColumns,
): Sql {
  return sql`
  select item.item_id as id, item.experiment_id, item.trace_id, item.linked_run_id as run_id,
    item.run_id as shown_run_id, item.start_time, item.end_time,
    extract(epoch from item.duration)::double precision as latency
  from shown_runs as item
  join experiments on experiments.tenant_id = item.tenant_id and experiments.id = item.experiment_id
  where item.tenant_id = ${tenant} and item.reference_example_id is not null and item.trace_id is not null
    and not item.yields${langfuseFilterSql(columns, conditions)}`
}

/** Condition on `item`: its execution began within the time that is asked for. */
export function inTimeSql({ from, to }: ExperimentItemQuery): Sql {
  const start = sql`item.start_time >= ${from}::timestamptz`
  return to === null ? start : sql`${start} and item.start_time < ${to}::timestamptz`
}
