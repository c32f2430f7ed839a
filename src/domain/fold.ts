import { entityFields, type EntityKind, type Field, type JsonMap } from './entities.ts'
import type { IngestEvent } from './events.ts'

export type ColumnValue = string | number | boolean | string[] | null

/** All that a set of events says about one row, before it is merged with the stored row (SPEC I4). */
export interface FoldedRow {
  kind: EntityKind
  tenantId: string
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
 * Folds events into one row for each id. Any order and any repetition of the events give the same rows (SPEC I2, I3).
 * The generated upserts (store/write/upsert-sql.ts) merge these rows with the stored ones by the same rules.
 */
export function foldEvents(
  events: Iterable<{ tenantId: string; event: IngestEvent }>,
): Record<EntityKind, FoldedRow[]> {
  const rows = new Map<string, FoldedRow>()
  for (const { tenantId, event } of events) {
    const key = `${event.kind}/${tenantId}/${event.id}`
    let row = rows.get(key)
    if (row === undefined) {
      row = emptyRow(tenantId, event)
      rows.set(key, row)
    }
    foldEvent(row, event)
  }
  const folded: Record<EntityKind, FoldedRow[]> = { run: [], trace: [], run_item: [], feedback: [] }
  for (const row of rows.values()) folded[row.kind].push(row)
  return folded
}

function emptyRow(tenantId: string, event: IngestEvent): FoldedRow {
  return {
    kind: event.kind,
    tenantId,
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
  const patch = event.patch as Record<string, ColumnValue | JsonMap | undefined>
  entityFields[row.kind].forEach((field, slot) => {
    if (!isSet(field, patch)) return
    const held = row.fieldVersions[slot] ?? null
    if (field.rule === 'map') foldMap(row, field, patch, version)
    else if (field.rule === 'union') foldUnion(row, field, patch)
    else if (held === null || wins(field, version, held)) {
      for (const property of Object.keys(field.columns)) {
        row.values.set(property, (patch[property] ?? null) as ColumnValue)
      }
    }
    row.fieldVersions[slot] = held === null || wins(field, version, held) ? version : held
  })
}

/** True when the patch sets the field. A map or a union cannot be cleared, and an empty one says nothing. */
function isSet(field: Field, patch: Record<string, ColumnValue | JsonMap | undefined>): boolean {
  return Object.keys(field.columns).some((property) => {
    const value = patch[property]
    if (field.rule !== 'map' && field.rule !== 'union') return value !== undefined
    return value !== null && value !== undefined && Object.keys(value).length > 0
  })
}

function wins(field: Field, version: bigint, held: bigint): boolean {
  return field.rule === 'first' ? version < held : version > held
}

function foldMap(
  row: FoldedRow,
  field: Field,
  patch: Record<string, ColumnValue | JsonMap | undefined>,
  version: bigint,
): void {
  for (const property of Object.keys(field.columns)) {
    let map = row.maps.get(property)
    if (map === undefined) row.maps.set(property, (map = new Map()))
    for (const [key, text] of Object.entries(patch[property] as JsonMap)) {
      const held = map.get(key)
      if (held === undefined || version > held.version) map.set(key, { text, version })
    }
  }
}

function foldUnion(
  row: FoldedRow,
  field: Field,
  patch: Record<string, ColumnValue | JsonMap | undefined>,
): void {
  for (const property of Object.keys(field.columns)) {
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
