import sql, { type Sql } from 'sql-template-tag'
import { type Fact, FactsBuilder } from '../../../domain/stats/example-facts.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Db } from '../../pool.ts'
import { streamComposed, tenant } from '../../statements.ts'

/** What a comparison asks of examples. */
export interface ExampleQuestion {
  /** The starts of the two experiments. */
  starts: readonly [Timestamp, Timestamp]
  /** What the metadata of an example that counts contain. */
  metadata?: Record<string, string | number | boolean> | undefined
  /** What its inputs or its reference contain, in either case. */
  text?: string | undefined
}

/** So many come in one row. */
const examplesPerRow = 500
/** So much of a body is searched. */
const searchedCharacters = 20_000

export function isNarrowed({ metadata, text }: Omit<ExampleQuestion, 'starts'>): boolean {
  return metadata !== undefined || text !== undefined
}

/** Reads what a comparison asks of the examples of two experiments. */
export async function exampleFactsRead(
  db: Db,
  tenantId: string,
  experimentIds: readonly [string, string],
  question: ExampleQuestion,
): Promise<FactsBuilder> {
  const [earlier, later] = question.starts.toSorted()
  const statement = sql`
-- name: example_list_facts
-- What a comparison asks of the examples of two experiments, by id, in arrays of some hundreds. Reads only.
with executed as materialized (
  select distinct run_items.example_id from run_items
  where run_items.tenant_id = ${tenant} and run_items.experiment_id = any (${[...experimentIds]}::uuid[])
    and run_items.example_id is not null
),
fact as (
  select examples.id, (extract(epoch from min(examples.created_at)) * 1000000)::bigint as created,
    bool_or(examples.valid_from > ${earlier!}::timestamptz and examples.valid_from <= ${later!}::timestamptz)
      as has_changed,
    ${countsSql(question)} as counts
  from executed
  join examples on examples.tenant_id = ${tenant} and examples.id = executed.example_id
  group by examples.id
),
placed as (
  select json_build_array(id, created, has_changed, counts)::text as fact, row_number() over (order by id) as place
  from fact
),
parted as (
  select fact, place, place / ${String(examplesPerRow)}::bigint as part from placed
)
select '[' || string_agg(fact, ',' order by place) || ']' as facts
from parted
group by part
order by part`
  const builder = new FactsBuilder()
  await streamComposed(db, tenantId, statement, ({ facts }) => {
    for (const fact of JSON.parse(facts as string) as Fact[]) builder.add(fact)
  })
  return builder
}

/** Whether the newest version of an example counts. */
function countsSql(question: ExampleQuestion): Sql {
  if (!isNarrowed(question)) return sql`true`
  const { metadata = {}, text } = question
  const holds = sql`coalesce(examples.metadata, '{}') @> ${JSON.stringify(metadata)}::text::jsonb`
  const contains =
    text === undefined
      ? sql`true`
      : sql`position(lower(${text}) in lower(
      left(coalesce(examples.inputs::text, ''), ${String(searchedCharacters)}::integer) || ' '
        || left(coalesce(examples.outputs::text, ''), ${String(searchedCharacters)}::integer)
    )) > 0`
  return sql`(array_agg(${holds} and ${contains} order by examples.valid_from desc))[1]`
}
