import sql, { empty, join, raw, type Sql } from 'sql-template-tag'
import type { JsonText } from '../../../domain/entities.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Queryable } from '../../pool.ts'
import { anyTenant, runComposed, tenant } from '../../statements.ts'
import {
  experimentItemSource,
  inTimeSql,
  isOfItem,
  itemSetSql,
  type ExperimentItemQuery,
} from './experiment-item-sql.ts'
import { staleExperimentsSql } from './stale-experiments.ts'
import { filterListSql } from '../filter/filter-sql.ts'

/**
 * One execution of an example, as the run that stands for it. Ids are spelled as clients spell them; `…Key` fields hold
 * our own ids.
 */
export interface ExperimentItemRow {
  /** The id of the run item, which orders executions that began at the same time. */
  itemKey: string
  traceKey: string
  /** null when a whole trace is linked and its root run has not arrived. */
  runKey: string | null
  spanId: string
  traceId: string
  startTime: Timestamp
  endTime: Timestamp | null
  level: string
  environment: string
  experimentId: string
  experimentName: string
  exampleId: string
  datasetId: string | null
  exampleVersion: Timestamp | null
  inputs: JsonText | null
  outputs: JsonText | null
  expectedOutputs: JsonText | null
  metadata: JsonText | null
  exampleMetadata: JsonText | null
  experimentMetadata: JsonText | null
  experimentDescription: string | null
}

/** What is read only on request, because bodies are stored outside their rows (TOAST). */
export type ExperimentItemColumn = 'io' | 'metadata' | 'itemMetadata' | 'experimentMetadata'

/** Where a page continues: after this item. */
export interface ExperimentItemPlace {
  startTime: Timestamp
  itemKey: string
}

const optionalColumns: readonly (readonly [
  column: ExperimentItemColumn,
  name: string,
  text: string,
])[] = [
  [
    'io',
    'inputs',
    'case when run.inputs is null and link.run_id is null then trace.inputs else run.inputs end',
  ],
  [
    'io',
    'outputs',
    'case when run.outputs is null and link.run_id is null then trace.outputs else run.outputs end',
  ],
  ['io', 'expected_outputs', 'coalesce(link.example_outputs, example.outputs)'],
  ['metadata', 'metadata', 'case when run.id is null then trace.metadata else run.metadata end'],
  ['itemMetadata', 'example_metadata', 'coalesce(link.example_metadata, example.metadata::json)'],
  ['experimentMetadata', 'experiment_metadata', 'experiments.metadata'],
  ['experimentMetadata', 'experiment_description', 'experiments.description'],
]

/** Reads a page of executions, newest first, with ties broken by run item. What was not asked for is null. */
export async function experimentItemList(
  db: Queryable,
  query: ExperimentItemQuery,
  { after, limit }: { after: ExperimentItemPlace | null; limit: number },
  wanted: ReadonlySet<ExperimentItemColumn>,
): Promise<ExperimentItemRow[]> {
  const bodies = optionalColumns.map(
    ([column, name, text]) => `${wanted.has(column) ? text : 'null'} as ${name}`,
  )
  const statement = sql`
-- name: experiment_item_list
-- A page of the executions of experiments, newest first, ties by run item. Reads only.
with item as (${itemSetSql(query.filters.filter(isOfItem))}
    and item.experiment_id = any (array(${experimentsOfPageSql(query, after?.startTime ?? null, limit)}))
),
page as materialized (
  select * from item
  where ${inTimeSql(query)}${after === null ? empty : afterSql(after)}
  order by item.start_time desc, item.id
  limit ${String(limit)}::bigint
)
select page.id as item_key, page.trace_id as trace_key, coalesce(page.shown_run_id, page.run_id) as run_key,
  coalesce(run.external_id, run.id::text, link.external_run_id, link.run_id::text, link.external_trace_id,
    link.trace_id::text) as span_id,
  coalesce(link.external_trace_id, trace.external_id, link.trace_id::text) as trace_id,
  page.start_time, page.end_time,
  coalesce(run.level, case
    when run.status = 'error' or run.id is null and link.run_id is null and trace.error_count > 0 then 'ERROR'
    else 'DEFAULT' end) as level,
  coalesce(run.environment, trace.environment, 'default') as environment,
  coalesce(experiments.external_id, experiments.id::text) as experiment_id, experiments.name as experiment_name,
  coalesce(link.external_example_id, example.external_id, link.example_id::text) as example_id,
  coalesce(datasets.external_id, experiments.dataset_id::text, experiments.extra ->> 'named_dataset') as dataset_id, link.example_version,
  ${raw(bodies.join(',\n  '))}
from page
join run_items as link on link.tenant_id = ${tenant} and link.id = page.id
join experiments on experiments.tenant_id = ${tenant} and experiments.id = link.experiment_id
left join datasets on datasets.tenant_id = ${tenant} and datasets.id = experiments.dataset_id
left join traces as trace on trace.tenant_id = ${tenant} and trace.id = link.trace_id
left join runs as run on run.tenant_id = ${tenant} and run.id = page.shown_run_id
left join lateral (
  -- The version that was executed. When it is gone, or none is named, the newest.
  select examples.external_id, examples.outputs, examples.metadata
  from examples
  where examples.tenant_id = ${anyTenant} and examples.id = link.example_id
  order by link.example_version is null or examples.valid_from <= link.example_version desc, examples.valid_from desc
  limit 1
) as example on true
order by page.start_time desc, page.id`
  return runComposed<ExperimentItemRow>(db, query.tenantId, statement, { isPrepared: false })
}

/**
 * Selects the experiments whose items can be on the page. The newest experiment that fills the page alone, if its
 * aggregates are up to date, tells how far back the page can reach; experiments that ended before that are left out.
 */
function experimentsOfPageSql(
  query: ExperimentItemQuery,
  before: Timestamp | null,
  limit: number,
): Sql {
  const ofExperiments = query.filters.filter((filter) => !isOfItem(filter))
  const isWhole = ofExperiments.length === query.filters.length
  const full = [
    sql`${isWhole}::boolean`,
    sql`not known.is_stale`,
    sql`known.activity_items >= ${limit}::bigint`,
    ...[query.to, before].flatMap((time) =>
      time === null ? [] : [sql`known.activity_last < ${time}::timestamptz`],
    ),
  ]
  return sql`with known as materialized (
  select item.id, aggregate.activity_items, aggregate.activity_first, aggregate.activity_last,
    aggregate.activity_items is null or item.id in (
      ${staleExperimentsSql}
    ) as is_stale
  from (select *, id as experiment_id from experiments where experiments.tenant_id = ${tenant}) as item
  join experiments on experiments.tenant_id = ${tenant} and experiments.id = item.id
  left join experiment_aggregates as aggregate
    on aggregate.tenant_id = ${tenant} and aggregate.experiment_id = item.id
  where true${filterListSql(ofExperiments, experimentItemSource)}
)
select known.id
from known
where known.is_stale or known.activity_last >= greatest(${query.from}::timestamptz, (
  select max(known.activity_first) from known where ${join(full, ' and ')}
))`
}

function afterSql({ startTime, itemKey }: ExperimentItemPlace): Sql {
  const last = sql`${startTime}::timestamptz`
  return sql`
    and item.start_time <= ${last} and (item.start_time < ${last} or item.id > ${itemKey}::uuid)`
}
