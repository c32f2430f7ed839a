import sql, { type Sql } from 'sql-template-tag'
import { hasCondition, type Filter } from '../../../domain/filter.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import { anyTenant, tenant } from '../../statements.ts'
import { filterListSql, type FilterColumn, type FilterSource } from '../filter/filter-sql.ts'
import { shownRunsSql } from '../shown-runs.ts'

/** Which items to read, in experiments of either dialect, by the time at which their executions began. */
export interface ExperimentItemQuery {
  tenantId: string
  /** Inclusive. */
  from: Timestamp
  /** Exclusive; null: no end. */
  to: Timestamp | null
  /** All of them must hold. Their attributes are those of `experimentItemSource` or `activeExperimentSource`. */
  filters: readonly Filter[]
}

const datasetId: FilterColumn = {
  sql: sql`experiments.dataset_id`,
  spelling: sql`(select coalesce(datasets.external_id, datasets.id::text) from datasets
    where datasets.tenant_id = ${tenant} and datasets.id = experiments.dataset_id)`,
}

/** The attributes by which items can be filtered, on aliases `item` and `experiments` (contracts/langfuse.md 2.11). */
export const experimentItemSource: FilterSource = {
  columns: {
    experiment_id: {
      sql: sql`item.experiment_id`,
      spelling: sql`coalesce(experiments.external_id, item.experiment_id::text)`,
    },
    experiment_name: sql`experiments.name`,
    reference_example_id: {
      sql: sql`item.reference_example_id`,
      spelling: sql`coalesce(item.external_example_id, (
      select examples.external_id from examples
      where examples.tenant_id = ${anyTenant} and examples.id = item.reference_example_id
      order by examples.valid_from desc limit 1
    ), item.reference_example_id::text)`,
    },
    reference_dataset_id: datasetId,
  },
}

/** The attributes by which experiments that were active can be filtered, on alias `experiments`. */
export const activeExperimentSource: FilterSource = {
  columns: {
    id: {
      sql: sql`experiments.id`,
      spelling: sql`coalesce(experiments.external_id, experiments.id::text)`,
    },
    name: sql`experiments.name`,
    reference_dataset_id: datasetId,
  },
}

/**
 * Returns whether a filter is about the item itself. The others are about its experiment: they select the experiments
 * whose items are read.
 */
export function isOfItem(filter: Filter): boolean {
  return hasCondition(filter, ({ attribute }) => attribute === 'reference_example_id')
}

/**
 * Selects the run items that are executions, each once, with the run that it shows. The caller adds further conditions,
 * such as that the experiment exists. `experiments` is not joined here, because the planner would begin with that join
 * right after a bulk load and read all items once for each experiment (3 times as long with 200 experiments).
 * @param filters only those for which `isOfItem` is true
 */
export function itemSetSql(filters: readonly Filter[]): Sql {
  return sql`
  select item.item_id as id, item.experiment_id, item.trace_id, item.linked_run_id as run_id,
    item.run_id as shown_run_id, item.start_time, item.end_time,
    extract(epoch from item.duration)::double precision as latency
  from ${shownRunsSql} as item
  where item.reference_example_id is not null and item.trace_id is not null
    and not item.yields${filterListSql(filters, experimentItemSource)}`
}

/** The condition that the execution of `item` began within the requested time. */
export function inTimeSql({ from, to }: ExperimentItemQuery): Sql {
  const start = sql`item.start_time >= ${from}::timestamptz`
  return to === null ? start : sql`${start} and item.start_time < ${to}::timestamptz`
}
