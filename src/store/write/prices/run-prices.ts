import { LRUCache } from 'lru-cache'
import type { JsonText } from '../../../domain/entities.ts'
import type { FoldedRow } from '../../../domain/fold.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import { sliceMembers } from '../../../domain/json.ts'
import { attributeName, createPriceBook, type PriceBook } from '../../../prices/price-book.ts'
import { decidePrice, type PriceDecision, type RunToPrice } from '../../../prices/price-run.ts'
import type { Queryable } from '../../pool.ts'
import { modelPriceOf, type StoredModelPrice } from '../../read/prices/model-prices.ts'
import { runStatement } from '../../statements.ts'
import { newRunToPrice, setNewCost } from './new-runs.ts'

/** A run whose row the transaction has locked. */
export interface LockedRun {
  id: string
  traceId: string | null
  /** What its cost depends on (RunToPrice); null when there is none to compute. */
  toPrice: JsonText | null
}

export interface RunPricer {
  /**
   * Computes the costs of runs, and writes them to their rows (SPEC I14).
   * @param again true to price anew what was priced before
   * @returns the ids of the rows that changed
   */
  price(
    db: Queryable,
    tenantId: string,
    runs: readonly LockedRun[],
    again?: boolean,
  ): Promise<string[]>
  /**
   * Computes the costs of those of the runs that are not stored yet, before they are written. A run that turns out to be
   * stored, or that cannot be priced like this, is left to `priceWritten`.
   */
  priceNew(db: Queryable, tenantId: string, rows: readonly FoldedRow[]): Promise<void>
  /** Computes the costs of runs that the transaction has just written. */
  priceWritten(db: Queryable, tenantId: string, runIds: string[]): Promise<void>
}

/**
 * Locks those of some runs that may have a cost to compute.
 * @param range when they started; absent: whenever
 */
export async function runLockToPrice(
  db: Queryable,
  tenantId: string,
  runIds: string[],
  range: { from: Timestamp | null; to: Timestamp | null } = { from: null, to: null },
): Promise<LockedRun[]> {
  return runStatement<LockedRun>(db, 'run_lock_to_price', [tenantId, runIds, range.from, range.to])
}

interface PriceTable {
  version: number
  book: PriceBook
}

const noAttributes: ReadonlyMap<string, string> = new Map()

const shipped = createPriceBook([])

/**
 * Makes a pricer, which keeps the prices of tenants while they do not change.
 * @param onLate is called with a tenant whose patterns take too long; its runs have no cost until they are priced anew
 */
export function createRunPricer(onLate: (tenantId: string) => void): RunPricer {
  const tables = new LRUCache<string, PriceTable>({ max: 500 })

  async function bookOf(db: Queryable, tenantId: string): Promise<PriceBook> {
    const [row] = await runStatement<{ version: number }>(db, 'price_table_find_version', [
      tenantId,
    ])
    // A tenant without a version has no prices of its own.
    if (row === undefined) return shipped
    const held = tables.get(tenantId)
    return held?.version === row.version ? held.book : load(db, tenantId)
  }

  async function load(db: Queryable, tenantId: string): Promise<PriceBook> {
    const rows = await runStatement<{ version: number } & (StoredModelPrice | { id: null })>(
      db,
      'model_price_list_with_version',
      [tenantId],
    )
    const prices = rows.flatMap((row) => (row.id === null ? [] : [modelPriceOf(row)]))
    const book = createPriceBook(prices)
    tables.set(tenantId, { version: rows[0]?.version ?? 0, book })
    return book
  }

  const pricer: RunPricer = {
    async priceNew(db, tenantId, rows) {
      const candidates = rows.flatMap((row) => {
        const toPrice = newRunToPrice(row)
        return toPrice === null ? [] : [{ row, toPrice }]
      })
      if (candidates.length === 0) return
      const book = await bookOf(db, tenantId)
      // Conditions ask for what the row will hold, which `price` reads from it.
      if (book.attributes.length > 0) return
      for (const { row, toPrice } of candidates) {
        const decision = decidePrice(toPrice, book, noAttributes, false)
        if (decision !== null && typeof decision === 'object') setNewCost(row, decision)
      }
    },

    async priceWritten(db, tenantId, runIds) {
      if (runIds.length === 0) return
      await pricer.price(db, tenantId, await runLockToPrice(db, tenantId, runIds))
    },

    async price(db, tenantId, runs, again = false) {
      const candidates = runs.filter((run) => run.toPrice !== null)
      if (candidates.length === 0) return []
      const book = await bookOf(db, tenantId)
      const attributes = await attributesOf(db, tenantId, candidates, book)
      let isLate = false
      const decided = candidates.flatMap(({ id, toPrice }) => {
        const asked = attributes.get(id) ?? noAttributes
        const decision = decidePrice(JSON.parse(toPrice!) as RunToPrice, book, asked, again)
        if (decision === 'late') isLate = true
        return decision === null || decision === 'late' ? [] : [{ id, decision }]
      })
      if (isLate) onLate(tenantId)
      return decided.length === 0 ? [] : updateMany(db, tenantId, decided)
    },
  }
  return pricer
}

/** Reads parameters and metadata of runs whose prices ask for them, which few do. */
async function attributesOf(
  db: Queryable,
  tenantId: string,
  runs: readonly LockedRun[],
  book: PriceBook,
): Promise<Map<string, ReadonlyMap<string, string>>> {
  if (book.attributes.length === 0) return new Map()
  const rows = await runStatement<{
    id: string
    modelParameters: JsonText | null
    metadata: JsonText | null
  }>(db, 'run_list_attributes', [tenantId, runs.map((run) => run.id)])
  const asked = new Set(book.attributes)
  return new Map(
    rows.map((row) => {
      const values = [
        ...textsOf('model_parameters', row.modelParameters),
        ...textsOf('metadata', row.metadata),
      ].filter(([name]) => asked.has(name))
      return [row.id, new Map(values)]
    }),
  )
}

function textsOf(
  source: 'model_parameters' | 'metadata',
  object: JsonText | null,
): [name: string, value: string][] {
  return [...sliceMembers(object ?? '{}')].map(([key, text]) => [
    attributeName(source, key),
    text.startsWith('"') ? (JSON.parse(text) as string) : text,
  ])
}

interface Decided {
  id: string
  decision: Exclude<PriceDecision, 'late' | null>
}

async function updateMany(
  db: Queryable,
  tenantId: string,
  decided: readonly Decided[],
): Promise<string[]> {
  const columns = decided.map(({ decision }) => (decision === 'keep' ? null : decision))
  const changed = await runStatement<{ id: string }>(db, 'run_update_price_many', [
    tenantId,
    decided.map(({ id }) => id),
    columns.map((column) => String(column === null)),
    columns.map((column) => column?.promptCost ?? null),
    columns.map((column) => column?.completionCost ?? null),
    columns.map((column) => column?.totalCost ?? null),
    columns.map((column) => column?.costDetails ?? null),
    columns.map((column) => (column?.price ? JSON.stringify(column.price) : null)),
  ])
  return changed.map(({ id }) => id)
}
