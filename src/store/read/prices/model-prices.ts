import type { JsonText } from '../../../domain/entities.ts'
import { listBuiltIn } from '../../../prices/built-in.ts'
import type { ModelPrice, PriceTier } from '../../../prices/model-price.ts'
import type { Queryable } from '../../pool.ts'
import { runStatement } from '../../statements.ts'

export interface StoredModelPrice extends Omit<ModelPrice, 'tiers'> {
  tiers: JsonText
}

export function modelPriceOf(row: StoredModelPrice): ModelPrice {
  return { ...row, tiers: JSON.parse(row.tiers) as PriceTier[] }
}

/** Reads a tenant's own prices, by name. */
export async function modelPriceList(db: Queryable, tenantId: string): Promise<ModelPrice[]> {
  return (await runStatement<StoredModelPrice>(db, 'model_price_list', [tenantId])).map(
    modelPriceOf,
  )
}

/** @returns null when the tenant has no price of this id */
export async function modelPriceFind(
  db: Queryable,
  tenantId: string,
  id: string,
): Promise<ModelPrice | null> {
  const [row] = await runStatement<StoredModelPrice>(db, 'model_price_find', [tenantId, id])
  return row === undefined ? null : modelPriceOf(row)
}

/** Reads a tenant's own prices and the shipped ones, in one list by name. */
export async function modelPriceListAll(db: Queryable, tenantId: string): Promise<ModelPrice[]> {
  const [own, shipped] = await Promise.all([modelPriceList(db, tenantId), listBuiltIn()])
  // Sorting is stable: of one name, the tenant's own come first.
  return [...own, ...shipped].toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
}
