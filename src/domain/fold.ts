import { entityFields, type EntityKind, type Field, type JsonMap } from './entities.ts'
import type { IngestEvent } from './events.ts'
import { previewOf } from './json.ts'

export type ColumnValue = string | number | boolean | string[] | null

/** All that a set of events says about one row, before it is merged with the stored row (SPEC I4). */
export interface FoldedRow {
  kind: EntityKind
  id: string
  externalId: string | null
  /** The newest version among the events. */
  version: bigint
  /** Per field of `entityFields[kind]`: the version of its value; null when no event set it. */
  fieldVersions: (bigint | null)[]
  /** Column property to value, for the fields that are set. Maps are in `maps` instead. */
  values: Map<string, ColumnValue>
  /** Map property to its keys, each with its newest value. */
  maps: Map<string, Map<string, MapEntry>>
}

export interface MapEntry {
  text: string
  version: bigint
}

/**
 * Folds events of one tenant into one row for each id. Any order and any repetition of the events give the same rows (SPEC I2, I3).
 * The generated upserts (store/write/upsert-sql.ts) merge these rows with the stored ones by the same rules.
 */
export function foldEvents(events: Iterable<IngestEvent>): Record<EntityKind, FoldedRow[]> {
  const rows = new Map<string, FoldedRow>()
  for (const event of events) {
    const key = `${event.kind}/${event.id}`
    let row = rows.get(key)
    if (row === undefined) {
      row = emptyRow(event)
      rows.set(key, row)
    }
    foldEvent(row, event)
  }
  const folded: Record<EntityKind, FoldedRow[]> = { run: [], trace: [], run_item: [], feedback: [] }
  for (const row of rows.values()) folded[row.kind].push(row)
  return folded
}

/** The fields of each kind with the names of their properties, which every event asks for. */
const slots = Object.fromEntries(
  Object.entries(entityFields).map(([kind, fields]) => [
    kind,
    fields.map((field) => ({ field, properties: Object.keys(field.columns) })),
  ]),
) as Record<EntityKind, Slot[]>

interface Slot {
  field: Field
  properties: string[]
}

type Patch = Record<string, ColumnValue | JsonMap | undefined>

function emptyRow(event: IngestEvent): FoldedRow {
  return {
    kind: event.kind,
    id: event.id,
    externalId: null,
    version: 0n,
    fieldVersions: entityFields[event.kind].map(() => null),
    values: new Map(),
    maps: new Map(),
  }
}

function foldEvent(row: FoldedRow, event: IngestEvent): void {
  const version = BigInt(event.version)
  if (version > row.version) row.version = version
  row.externalId = firstByText(row.externalId, event.externalId)
  const patch = event.patch as Patch
  slots[row.kind].forEach(({ field, properties }, slot) => {
    if (!properties.some((property) => isSet(field, patch[property]))) return
    const held = row.fieldVersions[slot] ?? null
    const isTaken = held === null || wins(field, version, held)
    if (field.rule === 'map') foldMap(row, properties, patch, version)
    else if (field.rule === 'union') foldUnion(row, properties, patch)
    else if (isTaken) {
      for (const property of properties) {
        row.values.set(property, (patch[property] ?? impliedBy(patch, property)) as ColumnValue)
      }
    }
    if (isTaken) row.fieldVersions[slot] = version
  })
}

/** What previews are made of. Events leave them out, because in the queue they would be a third of the bytes of a run. */
const previewed = new Map([
  ['inputsPreview', 'inputs'],
  ['outputsPreview', 'outputs'],
])

function impliedBy(patch: Patch, property: string): string | null {
  const source = previewed.get(property)
  const text = source === undefined ? null : patch[source]
  return typeof text === 'string' ? previewOf(text) : null
}

/** True when the value sets its field. A map or a union cannot be cleared, and an empty one says nothing. */
function isSet(field: Field, value: ColumnValue | JsonMap | undefined): boolean {
  if (field.rule !== 'map' && field.rule !== 'union') return value !== undefined
  return value !== null && value !== undefined && Object.keys(value).length > 0
}

function wins(field: Field, version: bigint, held: bigint): boolean {
  return field.rule === 'first' ? version < held : version > held
}

function foldMap(row: FoldedRow, properties: string[], patch: Patch, version: bigint): void {
  for (const property of properties) {
    let map = row.maps.get(property)
    if (map === undefined) row.maps.set(property, (map = new Map()))
    for (const [key, text] of Object.entries(patch[property] as JsonMap)) {
      const held = map.get(key)
      if (held === undefined || version > held.version) map.set(key, { text, version })
    }
  }
}

function foldUnion(row: FoldedRow, properties: string[], patch: Patch): void {
  for (const property of properties) {
    const held = (row.values.get(property) ?? []) as string[]
    row.values.set(
      property,
      sortByCodePoint([...new Set([...held, ...(patch[property] as string[])])]),
    )
  }
}

/** Sorts as Postgres' collation "C" does: by UTF-8 bytes, which is the order of code points. */
export function sortByCodePoint(texts: string[]): string[] {
  return texts.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}

/**
 * Chooses the smaller of two spellings of one id (`ABC…` and `abc…`), so that the order in which they came does not
 * matter.
 */
function firstByText(a: string | null, b: string | null): string | null {
  if (a === null || b === null) return a ?? b
  return a < b ? a : b
}
