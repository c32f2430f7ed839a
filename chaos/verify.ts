import { isDeepStrictEqual } from 'node:util'
import { entityFields, type EntityKind } from '../src/domain/entities.ts'
import type { IngestEvent } from '../src/domain/events.ts'
import { foldEvents, type FoldedRow } from '../src/domain/fold.ts'
import { toEpochMicros } from '../src/domain/timestamp.ts'
import type { Db } from '../src/store/pool.ts'
import type { Ledger } from './ledger.ts'
import type { Setting } from './unit-kind.ts'
import { kindOf } from './workload.ts'

export interface Verdict {
  /** Rows that the ledger speaks of, and that were looked for. */
  rows: number
  lost: number
  wrong: number
  /** Rows of units of which some steps were never acknowledged: only their existence was checked. */
  uncertain: number
  /** Lost, but acknowledged when `forgiven` says that it may be. */
  forgiven: number
  /** The first twenty findings. */
  findings: string[]
}

const tables: Record<EntityKind, string> = {
  run: 'runs',
  trace: 'traces',
  run_item: 'run_items',
  feedback: 'feedback',
}

/** Columns that say when the server received something. */
const receipts: ReadonlySet<string> = new Set(['createdAt', 'updatedAt'])

const unitsAtOnce = 250

/**
 * Compares the tables with the ledger: each row with the fold of the events that were acknowledged (SPEC I1, I4).
 * @param forgiven tells whether what was acknowledged at this time may be lost
 */
export async function verifyRows(
  db: Db,
  tenantId: string,
  { setting, ledger }: { setting: Setting; ledger: Ledger },
  forgiven: (at: number) => boolean,
): Promise<Verdict> {
  const verdict: Verdict = { rows: 0, lost: 0, wrong: 0, uncertain: 0, forgiven: 0, findings: [] }
  for (let from = 0; from < ledger.units; from += unitsAtOnce) {
    const expected = expectedRows(setting, ledger, from, from + unitsAtOnce)
    for (const kind of Object.keys(tables) as EntityKind[]) {
      const ids = expected.filter(({ row }) => row.kind === kind).map(({ row }) => row.id)
      const found = await readRows(db, tenantId, kind, ids)
      for (const each of expected) {
        if (each.row.kind === kind) judge(verdict, each, found.get(each.row.id), forgiven)
      }
    }
  }
  return verdict
}

interface Expected {
  row: FoldedRow
  unit: number
  /** False when a step was sent that was never acknowledged: it may have been applied or not. */
  isCertain: boolean
  at: number
}

function expectedRows(setting: Setting, ledger: Ledger, from: number, until: number): Expected[] {
  const rows: Expected[] = []
  for (let unit = from; unit < Math.min(until, ledger.units); unit++) {
    const kind = kindOf(unit)
    const events: IngestEvent[] = []
    let isCertain = true
    for (let step = 0; step < kind.stepCount; step++) {
      if (ledger.wasAcknowledged(unit, step)) events.push(...kind.eventsOf(setting, unit, step))
      else if (ledger.wasSent(unit, step)) isCertain = false
    }
    const folded = foldEvents(events)
    const at = ledger.lastAcknowledgedAt(unit)
    for (const row of Object.values(folded).flat()) rows.push({ row, unit, isCertain, at })
  }
  return rows
}

type StoredRow = Record<string, unknown>

async function readRows(
  db: Db,
  tenantId: string,
  kind: EntityKind,
  ids: string[],
): Promise<Map<string, StoredRow>> {
  if (ids.length === 0) return new Map()
  const rows = await db<({ id: string } & StoredRow)[]>`
    select * from ${db(tables[kind])} where tenant_id = ${tenantId} and id = any (${ids}::uuid[])`
  return new Map(rows.map((row) => [row.id, row]))
}

function judge(
  verdict: Verdict,
  { row, unit, isCertain, at }: Expected,
  stored: StoredRow | undefined,
  forgiven: (at: number) => boolean,
): void {
  verdict.rows++
  const name = `${row.kind} ${row.id} of unit ${unit} (${kindOf(unit).name})`
  const difference = stored === undefined ? null : isCertain ? findDifference(row, stored) : null
  if (!isCertain) verdict.uncertain++
  if (stored !== undefined && difference === null) return
  if (forgiven(at)) {
    verdict.forgiven++
    return
  }
  if (stored === undefined) verdict.lost++
  else verdict.wrong++
  if (verdict.findings.length < 20) {
    const when = new Date(at).toISOString().slice(11, 23)
    verdict.findings.push(
      stored === undefined
        ? `lost: ${name}, acknowledged last at ${when}`
        : `wrong: ${name}: ${difference}`,
    )
  }
}

/** @returns the first column that differs, in words; null when none does */
export function findDifference(row: FoldedRow, stored: StoredRow): string | null {
  for (const field of entityFields[row.kind]) {
    for (const [property, type] of Object.entries(field.columns)) {
      if (receipts.has(property)) continue
      const map = row.maps.get(property)
      const isSaid = map !== undefined || row.values.has(property)
      if (!isSaid) continue
      const expected =
        map === undefined
          ? comparable(type, row.values.get(property))
          : Object.fromEntries([...map].map(([key, { text }]) => [key, JSON.parse(text)]))
      const actual = comparable(map === undefined ? type : 'json', stored[property])
      if (isDeepStrictEqual(expected, actual)) continue
      return `${property} is ${show(actual)} and not ${show(expected)}`
    }
  }
  return null
}

/** Brings what a column holds and what an event says to one form. */
function comparable(type: string, value: unknown): unknown {
  if (value === null || value === undefined) return null
  switch (type) {
    case 'timestamptz':
      return toEpochMicros(value as string)
    case 'json':
    case 'jsonb':
      return JSON.parse(value as string) as unknown
    case 'numeric':
    case 'bigint':
    case 'integer':
    case 'double precision':
      return Number(value)
    default:
      return value
  }
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? 'missing').slice(0, 120)
}
