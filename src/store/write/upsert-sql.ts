import { entityFields, type EntityKind, type Field } from '../../domain/entities.ts'
import {
  sortByCodePoint,
  type ColumnValue,
  type FoldedRow,
  type MapEntry,
} from '../../domain/fold.ts'
import type { Queryable } from '../pool.ts'
import { allOf, lookUpMode, type Parameter, planModeUpdate, runGenerated } from '../statements.ts'
import { arrayLiteral, textArray, unnested } from '../text-array.ts'

/*
 * The upsert of one entity, generated from its field list: `insert … values (unnest(…), …) on conflict do update`. It
 * merges each folded row with the stored one by SPEC I4. Repeating it changes nothing: a row that says nothing new is
 * not even touched.
 */

const tables: Record<EntityKind, string> = {
  run: 'runs',
  trace: 'traces',
  run_item: 'run_items',
  feedback: 'feedback',
}

/** What the statement returns for each row it inserted or changed. */
const returned: Record<EntityKind, string[]> = {
  run: [
    'held.trace_id',
    // What may have a cost to compute, by the conditions of run_lock_to_price. A row that was inserted with a price is
    // priced; a row that was changed has its own transaction in xmax, because `on conflict` locks it first.
    `case when held.price is not null then held.xmax <> 0
    else coalesce(held.run_type in ('llm', 'embedding'), false)
      and coalesce(held.total_tokens, held.prompt_tokens, held.completion_tokens) is not null
      and coalesce(held.total_cost, held.prompt_cost, held.completion_cost) is null
      and held.cost_details is null
    end as is_to_price`,
    // A run item (architecture.md 1). A root is a run with id = trace_id here, because LangChain puts the example on
    // every run of a trace (contracts/langsmith.md 2.1).
    'held.trace_id = held.id and held.parent_run_id is null and held.reference_example_id is not null as is_example_root',
  ],
  trace: [],
  run_item: ['held.trace_id'],
  feedback: ['held.run_id', 'held.trace_id'],
}

interface UpsertColumn {
  name: string
  /** Its type in the table. */
  type: string
  /** The position of its field; null: every row has it. */
  slot: number | null
  /** Returns the value as text, which the statement casts to the type. */
  read(row: FoldedRow): string | null
}

/**
 * Writes rows, of which no two have one id, in the order of locks.
 * @returns those that were inserted or changed
 */
export async function upsertMany<T extends { id: string }>(
  db: Queryable,
  tenantId: string,
  kind: EntityKind,
  rows: FoldedRow[],
): Promise<T[]> {
  if (rows.length === 0) return []
  const sorted = rows.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  // Planning an upsert takes longer than running it on a few rows, and it always finds a row by the key, so its plan
  // may be kept: Postgres does so from the sixth time on, and an engine that needs the tenant to plan does not.
  const [, touched] = await allOf([
    planModeUpdate(db, 'auto'),
    runGenerated<T>(db, upsertText(kind), upsertParameters(kind, tenantId, sorted)),
    planModeUpdate(db, lookUpMode()),
  ])
  return touched
}

/**
 * Returns the statement. `$1` is the tenant; the others are arrays of equal length with one element per row, sorted by id,
 * without repeats.
 */
export function upsertText(kind: EntityKind): string {
  const cached = texts.get(kind)
  if (cached !== undefined) return cached
  const columns = upsertColumns(kind)
  const names = columns.map((column) => column.name).join(', ')
  const text = `-- name: ${kind}_upsert_many
-- Inserts folded rows, and joins each with the stored one of its key: per field, the newer value wins (SPEC I4). $1 tenant; what
-- follows are arrays of texts, one for each column; null: no row sets the column. A repeat changes nothing.
insert into ${tables[kind]} as held (tenant_id, ${names})
values ($1::uuid, ${columns.map(({ type }, i) => unnested(`$${i + 2}`, type)).join(', ')})
on conflict (tenant_id, id) do update set
${assignments(kind).join(',\n')}
where not (${saysNothingNew(kind)})
returning ${['held.id', ...returned[kind]].join(', ')}`
  texts.set(kind, text)
  return text
}

const texts = new Map<EntityKind, string>()

/** Returns the `$n` of `upsertText`; null for columns that no row sets, of 48 most. */
export function upsertParameters(
  kind: EntityKind,
  tenantId: string,
  rows: FoldedRow[],
): Parameter[] {
  const isSet = entityFields[kind].map((_, slot) =>
    rows.some(
      (row) =>
        row.fieldVersions[slot] !== null ||
        (kind === 'run' && slot === costSlot && row.values.has('price')),
    ),
  )
  const arrays = upsertColumns(kind).map(({ slot, read }) =>
    slot === null || isSet[slot] === true ? textArray(rows.map(read)) : null,
  )
  return [tenantId, ...arrays]
}

const keyColumns: UpsertColumn[] = [
  column('id', 'uuid', null, (row) => row.id),
  column('external_id', 'text', null, (row) => row.externalId),
  column('v', 'bigint', null, (row) => String(row.version)),
  column('fv', 'bigint[]', null, clockText),
  column('m', 'bigint', null, maskText),
]

/** The field of a run that holds its costs. */
export const costSlot = entityFields.run.findIndex(({ columns }) => 'totalCost' in columns)

/**
 * Columns that no event sets: with what a run that is new is written (prices/new-runs.ts). A stored row keeps its own, and
 * its own costs, because the events set none.
 */
const ownColumns: Record<EntityKind, UpsertColumn[]> = {
  run: [column('price', 'json', null, (row) => scalar(row.values.get('price') ?? null))],
  trace: [],
  run_item: [],
  feedback: [],
}

const columnCache = new Map<EntityKind, UpsertColumn[]>()

function upsertColumns(kind: EntityKind): UpsertColumn[] {
  let columns = columnCache.get(kind)
  if (columns === undefined) {
    columns = [...keyColumns, ...entityFields[kind].flatMap(fieldColumns), ...ownColumns[kind]]
    columnCache.set(kind, columns)
  }
  return columns
}

function column(
  name: string,
  type: string,
  slot: number | null,
  read: (row: FoldedRow) => string | null,
): UpsertColumn {
  return { name, type, slot, read }
}

function fieldColumns(field: Field, slot: number): UpsertColumn[] {
  return Object.entries(field.columns).flatMap(([property, type]) => {
    const name = snakeCase(property)
    if (field.rule === 'map') {
      return [
        column(name, type, slot, (row) => mapText(row.maps.get(property))),
        column(`${name}_v`, 'jsonb', slot, (row) =>
          mapClockText(row.maps.get(property), row.fieldVersions[slot] ?? null),
        ),
      ]
    }
    return [column(name, type, slot, (row) => scalar(row.values.get(property) ?? null))]
  })
}

/** Returns the `set` clauses: for each field the winner by version, then the clock itself. */
function assignments(kind: EntityKind): string[] {
  const clock: string[] = []
  const sets = entityFields[kind].flatMap((field, slot) => {
    const bit = 2 ** slot
    const given = `coalesce(excluded.fv[${slot + 1}], excluded.v)`
    const kept = `coalesce(held.fv[${slot + 1}], held.v)`
    const isGiven = `excluded.m & ${bit} <> 0`
    const isKept = `held.m & ${bit} <> 0`
    const comparison = field.rule === 'first' ? '<' : '>'
    const taken = `${isGiven} and (not (${isKept}) or ${given} ${comparison} ${kept})`
    clock.push(`case when ${taken} then ${given} when ${isKept} then ${kept} end`)
    return Object.entries(field.columns).flatMap(([property, type]) => {
      const name = snakeCase(property)
      if (field.rule === 'union') {
        return [`  ${name} = runmill_union(held.${name}, excluded.${name})`]
      }
      if (field.rule === 'map') return mapAssignments(name, type, { isGiven, isKept, given, kept })
      // A row with a price has computed costs, and its events gave none.
      if (kind === 'run' && slot === costSlot) {
        const sent = `case when excluded.price is null then excluded.${name} end`
        return [`  ${name} = case when ${taken} then ${sent} else held.${name} end`]
      }
      return [`  ${name} = case when ${taken} then excluded.${name} else held.${name} end`]
    })
  })
  return [
    ...sets,
    // least() ignores null, and gives the same answer whichever spelling came first.
    '  external_id = least(held.external_id collate "C", excluded.external_id collate "C")',
    '  v = greatest(held.v, excluded.v)',
    '  m = held.m | excluded.m',
    // A newer version of the server may have set fields that are not in our list: their clock is carried along.
    `  fv = case when excluded.v = held.v and excluded.fv is null and held.fv is null then null
    else array[${clock.join(',\n      ')}] || runmill_clock_tail(held.fv, held.v, held.m, ${clock.length}) end`,
  ]
}

/**
 * Returns a condition: the given row holds nothing but the event that the stored row ends with. An older event that
 * set the same fields may have been folded into the given row; only its keys of a map, or members of a union, show
 * that.
 */
function saysNothingNew(kind: EntityKind): string {
  const sameEvent =
    'excluded.v = held.v and excluded.fv is null and held.fv is null and excluded.m = held.m'
  const collected = entityFields[kind].flatMap((field) =>
    Object.keys(field.columns).flatMap((property) => {
      const name = snakeCase(property)
      if (field.rule === 'map') return [`excluded.${name}_v is null`]
      if (field.rule === 'union') return [`coalesce(excluded.${name} <@ held.${name}, true)`]
      return []
    }),
  )
  return [sameEvent, ...collected].join(' and ')
}

function mapAssignments(
  name: string,
  type: string,
  slot: { isGiven: string; isKept: string; given: string; kept: string },
): string[] {
  const both = `held.${name}::json, held.${name}_v, ${slot.kept}, excluded.${name}::json, excluded.${name}_v, ${slot.given}`
  const sameEvent = `${slot.given} = ${slot.kept} and held.${name}_v is null and excluded.${name}_v is null`
  const choose = (column: string, merged: string): string =>
    `  ${column} = case when not (${slot.isGiven}) then held.${column}
    when not (${slot.isKept}) then excluded.${column}
    when ${sameEvent} then held.${column}
    else ${merged} end`
  return [
    choose(name, `runmill_map_merge(${both})::${type}`),
    choose(`${name}_v`, `runmill_map_clock(${both})`),
  ]
}

/**
 * Writes the versions of the fields as an array, `{5,NULL,7}`; null when every set field has the row's version, which
 * is nearly always.
 */
function clockText(row: FoldedRow): string | null {
  if (row.fieldVersions.every((version) => version === null || version === row.version)) return null
  return `{${row.fieldVersions.map((version) => version ?? 'NULL').join(',')}}`
}

function maskText(row: FoldedRow): string {
  let mask = 0n
  row.fieldVersions.forEach((version, slot) => {
    if (version !== null) mask |= 1n << BigInt(slot)
  })
  return String(mask)
}

/**
 * Writes a map in the order in which it was sent, while all keys come from one event; else sorted by key, as
 * `runmill_map_merge` does.
 */
function mapText(map: Map<string, MapEntry> | undefined): string | null {
  if (map === undefined) return null
  const versions = new Set([...map.values()].map((entry) => entry.version))
  const keys = versions.size > 1 ? sortByCodePoint([...map.keys()]) : [...map.keys()]
  return `{${keys.map((key) => `${JSON.stringify(key)}:${map.get(key)!.text}`).join(',')}}`
}

function mapClockText(
  map: Map<string, MapEntry> | undefined,
  version: bigint | null,
): string | null {
  if (map === undefined || [...map.values()].every((entry) => entry.version === version))
    return null
  const clock = [...map].map(([key, entry]) => [key, String(entry.version)])
  return JSON.stringify(Object.fromEntries(clock))
}

function scalar(value: ColumnValue): string | null {
  if (value === null || typeof value === 'string') return value
  return Array.isArray(value) ? arrayLiteral(value) : String(value)
}

export function snakeCase(property: string): string {
  return property.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
