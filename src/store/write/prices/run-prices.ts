import { LRUCache } from 'lru-cache'
import type { JsonText } from '../../../domain/entities.ts'
import type { FoldedRow } from '../../../domain/fold.ts'
import { sliceMembers } from '../../../domain/json.ts'
import { attributeName, createPriceBook, type PriceBook } from '../../../prices/price-book.ts'
import { decidePrice, type PriceDecision, type RunToPrice } from '../../../prices/price-run.ts'
import type { Queryable } from '../../pool.ts'
import { modelPriceOf, type StoredModelPrice } from '../../read/prices/model-prices.ts'
import { runStatement } from '../../statements.ts'
import { newRunToPrice, setNewCost } from './new-runs.ts'

/** A run whose row the transaction has locked. */
export interface LockedRun {
  tenantId: string
  id: string
  /** `runmill_to_price` of the row. */
  toPrice: JsonText | null
}

export interface RunPricer {
  /**
   * Computes the costs of runs, and writes them to their rows (SPEC I14).
   * @param again true to price anew what was priced before
   * @returns the ids of the rows that changed
   */
  price(db: Queryable, runs: readonly LockedRun[], again?: boolean): Promise<string[]>
  /**
   * Computes the costs of those of the runs that are not stored yet, before they are written. A run that turns out to be
   * stored, or that cannot be priced like this, is left to `price`.
   */
  priceNew(db: Queryable, rows: readonly FoldedRow[]): Promise<void>
}

interface PriceTable {
  version: number
  book: PriceBook
}

const noAttributes: ReadonlyMap<string, string> = new Map()

const shipped: PriceTable = { version: 0, book: createPriceBook([]) }

/**
 * Makes a pricer, which keeps the prices of tenants while they do not change.
 * @param onLate is called with a tenant whose patterns take too long; its runs have no cost until they are priced anew
 */
export function createRunPricer(onLate: (tenantId: string) => void): RunPricer {
  const tables = new LRUCache<string, PriceTable>({ max: 500 })

  async function tablesOf(db: Queryable, tenants: string[]): Promise<Map<string, PriceTable>> {
    const versions = await runStatement<{ tenantId: string; version: number }>(
      db,
      'price_table_list_versions',
      [tenants],
    )
    const stale = versions.filter((row) => tables.get(row.tenantId)?.version !== row.version)
    if (stale.length > 0)
      await load(
        db,
        stale.map(({ tenantId }) => tenantId),
      )
    // A tenant without a version has no prices of its own.
    const found = versions.map(({ tenantId }) => [tenantId, tables.get(tenantId)!] as const)
    return new Map(found)
  }

  async function load(db: Queryable, tenants: string[]): Promise<void> {
    const rows = await runStatement<
      { tenantId: string; version: number } & (StoredModelPrice | { id: null })
    >(db, 'model_price_list_of_tenants', [tenants])
    for (const tenantId of tenants) {
      const own = rows.filter((row) => row.tenantId === tenantId)
      const prices = own.flatMap((row) => (row.id === null ? [] : [modelPriceOf(row)]))
      const version = own[0]?.version ?? 0
      tables.set(tenantId, { version, book: createPriceBook(prices) })
    }
  }

  return {
    async priceNew(db, rows) {
      const candidates = rows.flatMap((row) => {
        const toPrice = newRunToPrice(row)
        return toPrice === null ? [] : [{ row, toPrice }]
      })
      if (candidates.length === 0) return
      const found = await tablesOf(db, [...new Set(candidates.map(({ row }) => row.tenantId))])
      for (const { row, toPrice } of candidates) {
        const { book } = found.get(row.tenantId) ?? shipped
        // Conditions ask for what the row will hold, which `price` reads from it.
        if (book.attributes.length > 0) continue
        const decision = decidePrice(toPrice, book, noAttributes, false)
        if (decision !== null && typeof decision === 'object') setNewCost(row, decision)
      }
    },

    async price(db, runs, again = false) {
      const candidates = runs.filter((run) => run.toPrice !== null)
      if (candidates.length === 0) return []
      const tenants = [...new Set(candidates.map((run) => run.tenantId))]
      const found = await tablesOf(db, tenants)
      const bookOf = (tenantId: string): PriceBook => (found.get(tenantId) ?? shipped).book
      const attributes = await attributesOf(db, candidates, bookOf)
      const late = new Set<string>()
      const decided = candidates.flatMap((run) => {
        const { tenantId, id } = run
        const asked = attributes.get(`${tenantId}/${id}`) ?? new Map<string, string>()
        const toPrice = JSON.parse(run.toPrice!) as RunToPrice
        const decision = decidePrice(toPrice, bookOf(tenantId), asked, again)
        if (decision === 'late') late.add(tenantId)
        return decision === null || decision === 'late' ? [] : [{ tenantId, id, decision }]
      })
      for (const tenantId of late) onLate(tenantId)
      return decided.length === 0 ? [] : updateMany(db, decided)
    },
  }
}

/** Reads parameters and metadata of runs whose prices ask for them, which few do. */
async function attributesOf(
  db: Queryable,
  runs: readonly LockedRun[],
  bookOf: (tenantId: string) => PriceBook,
): Promise<Map<string, Map<string, string>>> {
  const asking = runs.filter((run) => bookOf(run.tenantId).attributes.length > 0)
  if (asking.length === 0) return new Map()
  const rows = await runStatement<{
    tenantId: string
    id: string
    modelParameters: JsonText | null
    metadata: JsonText | null
  }>(db, 'run_list_attributes', [asking.map((run) => run.tenantId), asking.map((run) => run.id)])
  return new Map(
    rows.map((row) => {
      const asked = new Set(bookOf(row.tenantId).attributes)
      const values = [
        ...textsOf('model_parameters', row.modelParameters),
        ...textsOf('metadata', row.metadata),
      ].filter(([name]) => asked.has(name))
      return [`${row.tenantId}/${row.id}`, new Map(values)]
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

type Decided = Pick<LockedRun, 'tenantId' | 'id'> & {
  decision: Exclude<PriceDecision, 'late' | null>
}

async function updateMany(db: Queryable, decided: readonly Decided[]): Promise<string[]> {
  const columns = decided.map(({ decision }) => (decision === 'keep' ? null : decision))
  const changed = await runStatement<{ id: string }>(db, 'run_update_price_many', [
    decided.map(({ tenantId }) => tenantId),
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
