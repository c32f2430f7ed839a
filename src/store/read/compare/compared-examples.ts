import sql, { empty, raw, type Sql } from 'sql-template-tag'
import type { JsonText } from '../../../domain/entities.ts'
import { searchedLength } from '../../../domain/filter.ts'
import type { Db } from '../../pool.ts'
import { runComposed, tenant } from '../../statements.ts'
import { type ComparedPair, pairSql } from './pair-sql.ts'

/** How an example changed in one measure. missing: a side has no value. */
export type Change = 'higher' | 'lower' | 'equal' | 'missing'

/** Which examples, in which order. */
export interface ExampleOrder {
  /** The measure that `by` and `changes` are about; null when neither needs one. */
  key: string | null
  by: 'difference' | 'baseline' | 'candidate' | 'created'
  isDescending: boolean
  /** null for all. */
  changes: readonly Change[] | null
  /** A text that the example holds, in upper or lower case. Default: any. */
  search?: string | null
  tolerance: number
}

/** Where a page begins: after this example. `rank` is the value it was sorted by, exactly. */
export interface ExamplePlace {
  id: string
  rank: string | null
  createdAt: string
}

/** An example with what both sides have of it. */
export interface ComparedExample extends ExamplePlace {
  inputs: JsonText | null
  outputs: JsonText | null
  metadata: JsonText | null
  /** By side: [{id, run_id, trace_id, status, latency, tokens, cost}], in the order of their ids. */
  baselineRuns: JsonText
  candidateRuns: JsonText
  /** {key: {a, b, ka, kb}} with the means of both sides. */
  measures: JsonText
}

/** Of each side, so many executions of an example are listed. */
const mostRuns = 100

/** Reads a page of the examples of two experiments. */
export async function comparedExampleList(
  db: Db,
  pair: ComparedPair,
  order: ExampleOrder,
  page: { after: ExamplePlace | null; limit: number; hasBodies: boolean },
): Promise<ComparedExample[]> {
  const rank = { difference: 'b - a', baseline: 'a', candidate: 'b', created: 'null::numeric' }[
    order.by
  ]
  const bodies = raw(
    page.hasBodies
      ? 'example.inputs, example.outputs'
      : 'null::json as inputs, null::json as outputs',
  )
  const direction = raw(order.isDescending ? 'desc' : 'asc')
  const statement = sql`
-- name: compared_example_list
-- A page of the examples of two experiments, in the order of a measure, with what both have of them. Reads only.
${pairSql(pair)},
asked as (
  select distinct shown.example_id, pair.a, pair.b
  from shown
  left join pair on pair.example_id = shown.example_id and pair.key = ${order.key}
),
placed as (
  select example.id, example.created_at, ${raw(rank)} as rank
  from asked
  cross join lateral (
    select examples.id, examples.created_at ${searchedSql(order)} from examples
    where examples.tenant_id = ${tenant} and examples.id = asked.example_id
    order by examples.valid_from desc
    limit 1
  ) as example
  where ${changeSql(order)} and ${searchSql(order)}
),
page as (
  select id, created_at, rank from placed
  where ${page.after === null ? sql`true` : afterSql(page.after, order)}
  order by rank ${direction} nulls last, created_at desc, id
  limit ${String(page.limit)}::bigint
)
select page.id, page.created_at, page.rank::text as rank, ${bodies}, example.metadata,
  ${runsSql(0)} as baseline_runs, ${runsSql(1)} as candidate_runs,
  coalesce((
    select json_object_agg(pair.key, json_build_object('a', pair.a, 'b', pair.b) order by pair.key)
    from pair where pair.example_id = page.id
  ), '{}') as measures
from page
cross join lateral (
  select examples.inputs, examples.outputs, examples.metadata from examples
  where examples.tenant_id = ${tenant} and examples.id = page.id
  order by examples.valid_from desc
  limit 1
) as example
order by page.rank ${direction} nulls last, page.created_at desc, page.id`
  return runComposed<ComparedExample>(db, pair.tenantId, statement)
}

function runsSql(side: 0 | 1): Sql {
  return sql`coalesce((
    select json_agg(json_build_object(
      'id', shown.id, 'run_id', shown.run_id, 'trace_id', shown.trace_id, 'status', shown.status,
      'latency', shown.latency::double precision, 'tokens', shown.total_tokens, 'cost', shown.total_cost
    ) order by shown.id)
    from (
      select * from shown
      where shown.example_id = page.id and shown.side = ${raw(String(side))}
      order by shown.id limit ${String(mostRuns)}::bigint
    ) as shown
  ), '[]')`
}

function changeSql({ changes, tolerance }: ExampleOrder): Sql {
  if (changes === null) return sql`true`
  return sql`(case
    when b - a > ${String(tolerance)}::numeric then 'higher'
    when b - a < -${String(tolerance)}::numeric then 'lower'
    when b - a is not null then 'equal'
    else 'missing' end) = any (${[...changes]}::text[])`
}

function searchedSql({ search = null }: ExampleOrder): Sql {
  const text = (column: string) => `left(coalesce(examples.${column}::text, ''), ${searchedLength})`
  return search === null ? empty : raw(`, ${text('inputs')} || ' ' || ${text('outputs')} as text`)
}

function searchSql({ search = null }: ExampleOrder): Sql {
  return search === null ? sql`true` : sql`position(lower(${search}) in lower(example.text)) > 0`
}

function afterSql({ rank, createdAt, id }: ExamplePlace, { isDescending }: ExampleOrder): Sql {
  const tie = sql`(created_at < ${createdAt}::timestamptz or (created_at = ${createdAt}::timestamptz and id > ${id}::uuid))`
  if (rank === null) return sql`(rank is null and ${tie})`
  const beyond = raw(isDescending ? '<' : '>')
  return sql`(rank is null or rank ${beyond} ${rank}::numeric or (rank = ${rank}::numeric and ${tie}))`
}
