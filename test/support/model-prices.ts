import { randomUUID } from 'node:crypto'
import type { Decimal } from '../../src/domain/entities.ts'
import { defaultMatchPath, type ModelPrice } from '../../src/prices/model-price.ts'
import type { Db } from '../../src/store/pool.ts'
import { modelPriceUpsert } from '../../src/store/write/prices/model-prices.ts'

interface GivenPrice extends Partial<ModelPrice> {
  /** Of the only tier. */
  prices?: Record<string, Decimal>
}

/** A price of one tier, which costs a millionth for each token of input, and twice that for output. */
export function priceOf({ prices, ...given }: GivenPrice): ModelPrice {
  const tier = {
    id: randomUUID(),
    name: 'Standard',
    isDefault: true,
    priority: 0,
    conditions: [],
    prices: prices ?? { input: '0.000001', output: '0.000002' },
  }
  return {
    id: randomUUID(),
    name: 'model',
    matchPattern: '.*',
    matchPath: defaultMatchPath,
    provider: null,
    startTime: null,
    unit: 'TOKENS',
    tiers: [tier],
    partsFallBack: false,
    tokenizerId: null,
    tokenizerConfig: null,
    createdAt: '2026-01-01T00:00:00.000000Z',
    ...given,
  }
}

export async function addPrice(db: Db, tenantId: string, given: GivenPrice): Promise<ModelPrice> {
  return modelPriceUpsert(db, tenantId, priceOf(given), () => {})
}
