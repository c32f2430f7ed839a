import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { parseDecimal } from '../../../domain/decimal.ts'
import type { Decimal } from '../../../domain/entities.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import { defaultMatchPath, type ModelPrice, type PriceTier } from '../../../prices/model-price.ts'
import { compilePattern, PatternError } from '../../../prices/pattern.ts'
import { lenientDate, text } from '../requests.ts'

export const units = [
  'TOKENS',
  'CHARACTERS',
  'MILLISECONDS',
  'SECONDS',
  'REQUESTS',
  'IMAGES',
] as const

/** A regular expression in RE2's syntax. */
const pattern = text.superRefine((input, context) => {
  try {
    compilePattern(input)
  } catch (error) {
    if (!(error instanceof PatternError)) throw error
    context.addIssue({ code: 'custom', message: error.message })
  }
})

const price = z.number().nonnegative().max(1e12)

const condition = z.union([
  z.object({
    usageDetailPattern: pattern.pipe(z.string().max(200)),
    operator: z.enum(['gt', 'gte', 'lt', 'lte', 'eq', 'neq']),
    value: z.number().nonnegative(),
    caseSensitive: z.boolean().default(false),
  }),
  z.object({
    source: z.enum(['model_parameters', 'metadata']),
    key: text.pipe(z.string().min(1).max(200)),
    operator: z.literal('in'),
    values: z
      .array(text.pipe(z.string().min(1).max(200)))
      .min(1)
      .max(100),
  }),
])

const tier = z.object({
  name: text.pipe(z.string().trim().min(1).max(100)),
  isDefault: z.boolean().default(false),
  priority: z.int().min(0).max(999),
  conditions: z.array(condition).max(20),
  prices: z.record(text.pipe(z.string().min(1).max(200)), price),
})

type Tier = z.output<typeof tier>

/** CreateModelRequest (contracts/langfuse.md 2.18). */
export const modelBody = z
  .object({
    modelName: text.pipe(z.string().min(1).max(500)),
    matchPattern: pattern,
    startDate: lenientDate.nullish(),
    unit: z.enum(units).nullish(),
    inputPrice: price.nullish(),
    outputPrice: price.nullish(),
    totalPrice: price.nullish(),
    pricingTiers: z.array(tier).max(20).nullish(),
    tokenizerId: z.enum(['openai', 'claude']).nullish(),
    tokenizerConfig: z.unknown().optional(),
  })
  .superRefine((body, context) => {
    const problem = problemOf(body)
    if (problem !== null) context.addIssue({ code: 'custom', ...problem })
  })

type ModelBody = Pick<
  z.output<typeof modelBody>,
  'inputPrice' | 'outputPrice' | 'totalPrice' | 'pricingTiers'
>

/** What contradicts itself in a model, in the vendor's words. */
function problemOf(body: ModelBody): { message: string; path?: string[] } | null {
  const { inputPrice, outputPrice, totalPrice } = body
  const isFlat = [inputPrice, outputPrice, totalPrice].some((each) => typeof each === 'number')
  const tiers = body.pricingTiers ?? []
  const flat = 'flat prices (inputPrice/outputPrice/totalPrice) OR pricingTiers'
  if (isFlat && tiers.length > 0) return { message: `Must provide either ${flat}, not both` }
  if (!isFlat && tiers.length === 0) return { message: `Must provide either ${flat}` }
  if ((inputPrice || outputPrice) && totalPrice) {
    const message = 'If input and/or output price is set, total price must be null'
    return { message, path: ['totalPrice'] }
  }
  const message = isFlat ? null : tierProblem(tiers)
  return message === null ? null : { message, path: ['pricingTiers'] }
}

function tierProblem(tiers: readonly Tier[]): string | null {
  const defaults = tiers.filter(({ isDefault }) => isDefault)
  if (defaults.length === 0) return 'Exactly one pricing tier must have isDefault: true'
  if (defaults.length > 1) {
    return `Only one pricing tier can have isDefault: true, found ${defaults.length}`
  }
  const [standard] = defaults
  if (standard!.priority !== 0) return 'Default pricing tier must have priority: 0'
  if (standard!.conditions.length > 0) {
    return 'Default pricing tier must have empty conditions array'
  }
  const bare = tiers.find(({ isDefault, conditions }) => !isDefault && conditions.length === 0)
  if (bare !== undefined) {
    return `Non-default pricing tier "${bare.name}" must have at least one condition`
  }
  if (isRepeated(tiers.map(({ priority }) => priority))) {
    return 'Pricing tier priorities must be unique within a model'
  }
  if (isRepeated(tiers.map(({ name }) => name))) return 'Pricing tier names must be unique'
  const empty = tiers.find(({ prices }) => Object.keys(prices).length === 0)
  if (empty !== undefined) {
    return `Pricing tier "${empty.name}" must have at least one price defined`
  }
  const keys = keysOf(standard!)
  const other = tiers.find((each) => keysOf(each) !== keys)
  return other === undefined
    ? null
    : `Pricing tier "${other.name}" must have the same usage keys as the default tier. Expected: [${keys}], Got: [${keysOf(other)}]`
}

function isRepeated(values: readonly unknown[]): boolean {
  return new Set(values).size < values.length
}

function keysOf({ prices }: Tier): string {
  return Object.keys(prices).toSorted().join(', ')
}

export function modelFromBody(body: z.output<typeof modelBody>, now: Timestamp): ModelPrice {
  return {
    id: randomUUID(),
    name: body.modelName,
    matchPattern: body.matchPattern,
    matchPath: defaultMatchPath,
    provider: null,
    startTime: body.startDate ?? null,
    unit: body.unit ?? null,
    tiers: tiersOf(body),
    partsFallBack: false,
    tokenizerId: body.tokenizerId ?? null,
    tokenizerConfig: body.tokenizerConfig == null ? null : JSON.stringify(body.tokenizerConfig),
    createdAt: now,
  }
}

function tiersOf(body: z.output<typeof modelBody>): PriceTier[] {
  const flat = { input: body.inputPrice, output: body.outputPrice, total: body.totalPrice }
  const given: Tier[] =
    body.pricingTiers && body.pricingTiers.length > 0
      ? body.pricingTiers
      : [
          {
            name: 'Standard',
            isDefault: true,
            priority: 0,
            conditions: [],
            prices: sentPrices(flat),
          },
        ]
  return given
    .map((each) => ({ ...each, id: randomUUID(), prices: decimalsOf(each.prices) }))
    .toSorted((a, b) => a.priority - b.priority)
}

function sentPrices(prices: Record<string, number | null | undefined>): Record<string, number> {
  const entries = Object.entries(prices).filter(
    (entry): entry is [string, number] => typeof entry[1] === 'number',
  )
  return Object.fromEntries(entries)
}

function decimalsOf(prices: Record<string, number>): Record<string, Decimal> {
  // A number that is too small for a decimal of 30 places is none.
  const entries = Object.entries(prices).map(([key, value]) => [
    key,
    parseDecimal(String(value)) ?? '0',
  ])
  return Object.fromEntries(entries) as Record<string, Decimal>
}
