import type { Sql } from 'sql-template-tag'
import {
  deniesRows,
  pairConditions,
  runAttributes,
  type AttributeFamily,
  type FilterCondition,
  type RunAttribute,
  type RunFilter,
} from '../../../domain/run-filter.ts'
import { fromText } from '../bridge.ts'
import { conditionSql, containsPatterns, matchText, type Bind } from './filter-condition-sql.ts'

/** What the attributes are called on one table. */
interface Source {
  columns: Partial<Record<RunAttribute, string>>
  metadata: string
  /** FROM and WHERE of the feedback of one row; null where the table has none. */
  feedback: string | null
}

/**
 * Condition on a row of `runs`. null counts as no, so it belongs in a `where`, or before `is true`.
 * Every value is bound, as text with its cast in the SQL.
 */
export function runFilterSql(filter: RunFilter, alias: string): Sql {
  return fromText((bind) => runFilterText(filter, alias, bind))
}

function runFilterText(filter: RunFilter, alias: string, bind: Bind): string {
  const isRoot = `(${alias}.parent_run_id is null and ${alias}.trace_id is not null)`
  const rolledUp = (column: string, own = `${alias}.${column}`) =>
    `case when ${isRoot} then (select filter_trace.${column} from traces filter_trace where filter_trace.tenant_id = ${alias}.tenant_id and filter_trace.id = ${alias}.trace_id) else ${own} end`
  // Every view shows a run without tokens as one of 0.
  const tokens = (column: string) => `coalesce(${rolledUp(column)}, 0)`
  const firstTokenTime = `coalesce(${alias}.first_token_time, ${rolledUp('first_token_time')})`
  const seconds = (time: string) => `extract(epoch from ${time} - ${alias}.start_time)`
  return filterSql(filter, bind, {
    columns: {
      ...own(alias, [
        'id',
        'trace_id',
        'parent_run_id',
        'experiment_id',
        'reference_example_id',
        'name',
        'run_type',
        'status',
        'thread_id',
        'start_time',
        'end_time',
        'inputs',
        'outputs',
        'error',
        'tags',
      ]),
      // Any version tells: an example never moves to another dataset.
      reference_dataset_id: `(select filter_example.dataset_id from examples filter_example where filter_example.tenant_id = ${alias}.tenant_id and filter_example.id = ${alias}.reference_example_id limit 1)`,
      first_token_time: firstTokenTime,
      latency: seconds(`${alias}.end_time`),
      first_token_latency: seconds(firstTokenTime),
      is_root: isRoot,
      prompt_tokens: tokens('prompt_tokens'),
      completion_tokens: tokens('completion_tokens'),
      total_tokens: tokens('total_tokens'),
      prompt_cost: rolledUp('prompt_cost'),
      completion_cost: rolledUp('completion_cost'),
      total_cost: rolledUp('total_cost'),
    },
    metadata: `${alias}.metadata`,
    // Not one condition with `or`, nor open to the others: right after a bulk load, when the planner knows nothing of
    // the table, it would read all of the tenant's feedback for every run.
    feedback: `(
      select own.* from feedback own where own.tenant_id = ${alias}.tenant_id and own.run_id = ${alias}.id
      union all
      select whole.* from feedback whole
      where whole.tenant_id = ${alias}.tenant_id and whole.run_id is null and whole.trace_id = ${alias}.trace_id
        and ${isRoot}
      offset 0
    ) filter_feedback where filter_feedback.comparative_experiment_id is null`,
  })
}

/** The same on a row of `examples`. @param filter over `exampleAttributes` only; @throws TypeError otherwise */
export function exampleFilterSql(filter: RunFilter, alias: string): Sql {
  return fromText((bind) => exampleFilterText(filter, alias, bind))
}

function exampleFilterText(filter: RunFilter, alias: string, bind: Bind): string {
  return filterSql(filter, bind, {
    columns: {},
    // On the wire the splits are part of the metadata (contracts/langsmith.md 0.1, rule 17).
    metadata: `(coalesce(${alias}.metadata, '{}') || jsonb_build_object('dataset_split', ${alias}.splits))`,
    feedback: null,
  })
}

/**
 * The same on a row of `experiments`, whose feedback is that of its runs and its own, averaged by key as of the last
 * refresh. @param filter over `experimentAttributes` only; @throws TypeError otherwise
 */
export function experimentFilterSql(filter: RunFilter, alias: string): Sql {
  return fromText((bind) => experimentFilterText(filter, alias, bind))
}

function experimentFilterText(filter: RunFilter, alias: string, bind: Bind): string {
  return filterSql(filter, bind, {
    columns: {
      ...own(alias, ['id', 'name', 'start_time', 'end_time']),
      reference_dataset_id: `${alias}.dataset_id`,
    },
    metadata: `${alias}.metadata`,
    feedback: `(
      select entry.key, (entry.value ->> 'avg')::double precision as score_number
      from experiment_aggregates filter_aggregate
      cross join lateral (
        select * from jsonb_each(filter_aggregate.feedback_stats)
        union all
        select * from jsonb_each(filter_aggregate.experiment_feedback_stats)
      ) as entry
      where filter_aggregate.tenant_id = ${alias}.tenant_id and filter_aggregate.experiment_id = ${alias}.id
    ) as filter_feedback where true`,
  })
}

/** Columns that have their attribute's name. */
function own(alias: string, attributes: readonly RunAttribute[]): Source['columns'] {
  return Object.fromEntries(attributes.map((attribute) => [attribute, `${alias}.${attribute}`]))
}

function filterSql(filter: RunFilter, bind: Bind, source: Source): string {
  switch (filter.kind) {
    case 'and': {
      const { pairs, others } = pairConditions(filter.terms)
      const parts = others.map((term) => filterSql(term, bind, source))
      for (const [family, conditions] of pairs) {
        parts.push(rowsSql(family, conditions, bind, source))
      }
      return `(${parts.join(' and ')})`
    }
    case 'or':
      return `(${filter.terms.map((term) => filterSql(term, bind, source)).join(' or ')})`
    case 'not':
      return `((${filterSql(filter.term, bind, source)}) is not true)`
    case 'search':
      return `(${freeSearchSql(filter.text, bind, source)})`
    case 'condition': {
      const { pairs } = pairConditions([filter])
      for (const [family, conditions] of pairs) return rowsSql(family, conditions, bind, source)
      const { type } = runAttributes[filter.attribute]
      const column = type === 'map' ? source.metadata : columnOf(filter.attribute, source)
      return `(${conditionSql(type, column, filter, bind)})`
    }
  }
}

function freeSearchSql(text: string, bind: Bind, source: Source): string {
  const { raw, inJson } = containsPatterns(text)
  const body = (attribute: 'inputs' | 'outputs') => {
    const column = columnOf(attribute, source)
    return [
      matchText(`${column}_preview`, 'ilike', raw, bind),
      matchText(`${column}::text`, 'ilike', inJson, bind),
    ]
  }
  return [
    matchText(columnOf('name', source), 'ilike', raw, bind),
    ...body('inputs'),
    ...body('outputs'),
    matchText(`${columnOf('error', source)}::text`, 'ilike', inJson, bind),
  ].join(' or ')
}

/**
 * Conditions of one family that speak of one row together (contracts/langsmith.md 4.3): one of them positive, then
 * some row meets them all; none, then each of them denies any row of its kind.
 */
function rowsSql(
  family: AttributeFamily,
  conditions: readonly FilterCondition[],
  bind: Bind,
  source: Source,
): string {
  const onRow = (condition: FilterCondition) => onRowSql(condition, bind)
  if (conditions.some((condition) => !deniesRows(condition))) {
    return `exists (${rowsOf(family, source)} and ${conditions.map(onRow).join(' and ')})`
  }
  const denied = conditions.map((condition) =>
    onRow({ ...condition, operator: condition.operator === 'neq' ? 'eq' : 'in' }),
  )
  return `not exists (${rowsOf(family, source)} and (${denied.join(' or ')}))`
}

function onRowSql(condition: FilterCondition, bind: Bind): string {
  const { type } = runAttributes[condition.attribute]
  return `(${conditionSql(type, rowColumns[condition.attribute]!, condition, bind)})`
}

/**
 * Condition on alias `filter_feedback`: a run without feedback that meets it cannot meet the filter. null: the filter
 * does not ask for feedback, or not of every run.
 */
export function runFilterFeedbackSql(filter: RunFilter): Sql | null {
  const { pairs } = pairConditions(filter.kind === 'and' ? filter.terms : [filter])
  const conditions = pairs.get('feedback') ?? []
  if (conditions.every(deniesRows)) return null
  return fromText((bind) => {
    const onRow = conditions.map((condition) => onRowSql(condition, bind))
    return ['filter_feedback.comparative_experiment_id is null', ...onRow].join(' and ')
  })
}

function rowsOf(family: AttributeFamily, source: Source): string {
  switch (family) {
    case 'metadata':
      return `select 1 from jsonb_each_text(${source.metadata}) as filter_entry(key, value) where true`
    case 'feedback':
      if (source.feedback === null) throw new TypeError('these rows have no feedback')
      return `select 1 from ${source.feedback}`
    case 'input':
      return entriesOf(columnOf('inputs', source))
    case 'output':
      return entriesOf(columnOf('outputs', source))
  }
}

/**
 * Entries of a `json` column, those of inner objects too. Postgres raises an error when it decodes `\u0000` or half of
 * a surrogate pair, so every such escape is replaced first; an escaped pair is lost with them. Each level is parsed
 * anew: 16 of them bound what one hostile document can cost.
 */
function entriesOf(column: string): string {
  return String.raw`with recursive filter_body(value) as (
      select regexp_replace(${column}::text, '\\u(0000|[dD][89a-fA-F][0-9a-fA-F]{2})', '\\ufffd', 'g')::json
    ), filter_tree(key, value, level) as (
      select entry.key, entry.value, 1 from filter_body,
        json_each(case when json_typeof(filter_body.value) = 'object' then filter_body.value else '{}' end) as entry
      union all
      select filter_tree.key || '.' || entry.key, entry.value, level + 1 from filter_tree,
        json_each(case when json_typeof(filter_tree.value) = 'object' then filter_tree.value else '{}' end) as entry
      where level < 16
    )
    select 1 from (select key, value #>> '{}' as value from filter_tree) as filter_entry where true`
}

/** Columns of the family's row. */
const rowColumns: Partial<Record<RunAttribute, string>> = {
  metadata_key: 'filter_entry.key',
  metadata_value: 'filter_entry.value',
  input_key: 'filter_entry.key',
  input_value: 'filter_entry.value',
  output_key: 'filter_entry.key',
  output_value: 'filter_entry.value',
  feedback_key: 'filter_feedback.key',
  feedback_score: 'filter_feedback.score_number',
  // JSON that is no string compares by its text, and JSON's null is no value.
  feedback_value: `coalesce(filter_feedback.value_text, nullif(filter_feedback.value::text, 'null'))`,
  feedback_comment: 'filter_feedback.comment',
  feedback_source: 'filter_feedback.source_type',
}

function columnOf(attribute: RunAttribute, source: Source): string {
  const column = source.columns[attribute]
  if (column === undefined) throw new TypeError(`these rows have no ${attribute}`)
  return column
}
