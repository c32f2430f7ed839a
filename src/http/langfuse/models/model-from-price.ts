import { z } from 'zod'
import { rawJson } from '../../../domain/raw-json.ts'
import { toMillisecondIso } from '../../../domain/timestamp.ts'
import type { ModelPrice, PriceTier } from '../../../prices/model-price.ts'
import { shownJson, shownTime } from '../requests.ts'
import { units } from './model-body.ts'

const condition = z.union([
  z.object({
    usageDetailPattern: z.string(),
    operator: z.enum(['gt', 'gte', 'lt', 'lte', 'eq', 'neq']),
    value: z.number(),
    caseSensitive: z.boolean(),
  }),
  z.object({
    source: z.enum(['model_parameters', 'metadata']),
    key: z.string(),
    operator: z.literal('in'),
    values: z.array(z.string()),
  }),
])

/** Model (contracts/langfuse.md 2.18). */
export const modelAnswer = z
  .object({
    id: z.string(),
    modelName: z.string(),
    matchPattern: z.string(),
    startDate: shownTime.nullable(),
    inputPrice: z.number().nullable(),
    outputPrice: z.number().nullable(),
    totalPrice: z.number().nullable(),
    unit: z.enum(units).nullable(),
    tokenizerId: z.string().nullable(),
    tokenizerConfig: shownJson,
    isLangfuseManaged: z.boolean(),
    createdAt: shownTime,
    prices: z.record(z.string(), z.object({ price: z.number() })),
    pricingTiers: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        isDefault: z.boolean(),
        priority: z.int(),
        conditions: z.array(condition),
        prices: z.record(z.string(), z.number()),
      }),
    ),
  })
  .meta({ id: 'LangfuseModel' })

/** @param isShipped true for a price that ships with the server: the vendor's word for it is managed */
export function modelFromPrice(
  price: ModelPrice,
  isShipped: boolean,
): z.output<typeof modelAnswer> {
  const standard = price.tiers.find(({ isDefault }) => isDefault)
  const prices = standard === undefined ? {} : numbersOf(standard)
  return {
    id: price.id,
    modelName: price.name,
    matchPattern: price.matchPattern,
    startDate: price.startTime === null ? null : toMillisecondIso(price.startTime),
    inputPrice: prices.input ?? null,
    outputPrice: prices.output ?? null,
    totalPrice: prices.total ?? null,
    unit: units.find((unit) => unit === price.unit) ?? null,
    tokenizerId: price.tokenizerId,
    tokenizerConfig: rawJson(price.tokenizerConfig),
    isLangfuseManaged: isShipped,
    createdAt: toMillisecondIso(price.createdAt),
    prices: Object.fromEntries(Object.entries(prices).map(([key, each]) => [key, { price: each }])),
    pricingTiers: price.tiers.map((tier) => ({ ...tier, prices: numbersOf(tier) })),
  }
}

function numbersOf({ prices }: PriceTier): Record<string, number> {
  return Object.fromEntries(Object.entries(prices).map(([key, price]) => [key, Number(price)]))
}
