import sql, { type Sql } from 'sql-template-tag'
import { idAt } from '../../../domain/stats/experiment-columns.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Db } from '../../pool.ts'
import { runComposed, tenant } from '../../statements.ts'

/** What a comparison asks of examples. */
export interface ExampleQuestion {
  /** The starts of the two experiments. */
  starts: readonly [Timestamp, Timestamp]
  /** What the metadata of an example that counts contain. */
  metadata?: Record<string, string | number | boolean> | undefined
  /** What its inputs or its reference contain, in either case. */
  text?: string | undefined
}

/** Of the examples in the order of their ids. */
export interface ExampleFacts {
  /** Microseconds since 1970; NaN: there is no such example, or none any more. */
  created: Float64Array
  /** 1: its content changed between the two starts. */
  changed: Uint8Array
  /** 1: it counts. null: all count. */
  isChosen: Uint8Array | null
  isAnyUnknown: boolean
}

/** So many are looked up at a time. */
const examplesAtOnce = 10_000
/** So much of a body is searched. */
const searchedCharacters = 20_000

/** Looks the examples up. */
export async function exampleFactsRead(
  db: Db,
  tenantId: string,
  ids: Uint32Array,
  question: ExampleQuestion,
): Promise<ExampleFacts> {
  const size = ids.length / 4
  const created = new Float64Array(size).fill(NaN)
  const changed = new Uint8Array(size)
  const isNarrowed = question.metadata !== undefined || question.text !== undefined
  const isChosen = isNarrowed ? new Uint8Array(size) : null
  let known = 0
  for (let from = 0; from < size; from += examplesAtOnce) {
    const asked: string[] = []
    for (let i = from; i < Math.min(size, from + examplesAtOnce); i++) asked.push(idAt(ids, i))
    const [row] = await runComposed<{ facts: string }>(
      db,
      tenantId,
      factsSql(asked, question, isNarrowed),
    )
    let place = 0
    for (const [id, micros, hasChanged, counts] of JSON.parse(row!.facts) as Fact[]) {
      while (asked[place] !== id) place++
      known++
      created[from + place] = micros
      if (hasChanged) changed[from + place] = 1
      if (counts && isChosen !== null) isChosen[from + place] = 1
    }
  }
  return { created, changed, isChosen, isAnyUnknown: known < size }
}

type Fact = [id: string, micros: number, hasChanged: boolean, counts: boolean]

function factsSql(ids: readonly string[], question: ExampleQuestion, isNarrowed: boolean): Sql {
  const [earlier, later] = question.starts.toSorted()
  return sql`
-- name: example_list_facts
-- What a comparison asks of each of some examples, by id. Reads only.
select coalesce(
  json_agg(json_build_array(id, created, has_changed, ${isNarrowed ? sql`counts` : sql`true`}) order by id), '[]'
) as facts
from (
  select examples.id, (extract(epoch from min(examples.created_at)) * 1000000)::bigint as created,
    bool_or(examples.valid_from > ${earlier!}::timestamptz and examples.valid_from <= ${later!}::timestamptz)
      as has_changed,
    (array_agg(${isNarrowed ? countsSql(question) : sql`true`} order by examples.valid_from desc))[1] as counts
  from examples
  where examples.tenant_id = ${tenant} and examples.id = any (${`{${ids.join(',')}}`}::text::uuid[])
  group by examples.id
) as example`
}

function countsSql({ metadata, text }: ExampleQuestion): Sql {
  const holds = sql`coalesce(examples.metadata, '{}') @> ${JSON.stringify(metadata ?? {})}::text::jsonb`
  if (text === undefined) return holds
  return sql`(${holds} and position(lower(${text}) in lower(
    left(coalesce(examples.inputs::text, ''), ${String(searchedCharacters)}::integer) || ' '
      || left(coalesce(examples.outputs::text, ''), ${String(searchedCharacters)}::integer)
  )) > 0)`
}
