import type { ModelPrice } from '../../../prices/model-price.ts'
import type { Db, Queryable } from '../../pool.ts'
import {
  modelPriceFind,
  modelPriceList,
  modelPriceOf,
  type StoredModelPrice,
} from '../../read/prices/model-prices.ts'
import { runStatement } from '../../statements.ts'

/** The most prices that a tenant may have. Each of them is compared with each name of a model. */
export const maxPrices = 500

/**
 * Stores a price while the tenant's prices are locked.
 * @param check is given the prices that there are; a throw keeps everything as it was
 */
export async function modelPriceUpsert(
  db: Db,
  tenantId: string,
  price: ModelPrice,
  check: (held: readonly ModelPrice[]) => void,
): Promise<ModelPrice> {
  return db.begin(async (transaction) => {
    await priceTableUpsert(transaction, tenantId)
    check(await modelPriceList(transaction, tenantId))
    const [row] = await runStatement<StoredModelPrice>(transaction, 'model_price_upsert', [
      tenantId,
      price.id,
      price.name,
      price.matchPattern,
      price.matchPath,
      price.provider,
      price.startTime,
      price.unit,
      JSON.stringify(price.tiers),
      price.partsFallBack,
      price.tokenizerId,
      price.tokenizerConfig,
      price.createdAt,
    ])
    return modelPriceOf(row!)
  })
}

/**
 * Deletes a price. Costs that were computed with it stay.
 * @returns false when the tenant has no price of this id
 */
export async function modelPriceDelete(db: Db, tenantId: string, id: string): Promise<boolean> {
  if ((await modelPriceFind(db, tenantId, id)) === null) return false
  return db.begin(async (transaction) => {
    await priceTableUpsert(transaction, tenantId)
    return (await runStatement(transaction, 'model_price_delete', [tenantId, id])).length > 0
  })
}

async function priceTableUpsert(db: Queryable, tenantId: string): Promise<void> {
  await runStatement(db, 'price_table_upsert', [tenantId])
}
