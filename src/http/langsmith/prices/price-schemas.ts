import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { parseDecimal } from '../../../domain/decimal.ts'
import type { Decimal } from '../../../domain/entities.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import { defaultMatchPath, type ModelPrice } from '../../../prices/model-price.ts'
import { compilePattern, PatternError } from '../../../prices/pattern.ts'
import { decimalAnswer, timeAnswer, uuidAnswer } from '../../answer-schemas.ts'
import { text, time, union } from '../schemas.ts'

/** A price: a number, or a decimal in a string. */
const price = union([z.number(), z.string()], 'a number').transform((input, context): Decimal => {
  const decimal = parseDecimal(String(input))
  if (decimal !== null && !decimal.startsWith('-')) return decimal
  context.addIssue({ code: 'custom', message: 'Input should be a decimal that is not negative' })
  return z.NEVER
})

const details = z.record(text.pipe(z.string().min(1).max(200)), price)

const pattern = text.superRefine((input, context) => {
  try {
    compilePattern(input)
  } catch (error) {
    if (!(error instanceof PatternError)) throw error
    context.addIssue({ code: 'custom', message: error.message })
  }
})

/** ModelPriceMapCreateSchema, and the one of an update, which is the same (contracts/langsmith.md 2.12). */
export const priceBody = z.object({
  name: text.pipe(z.string().min(1).max(500)),
  start_time: time.nullish(),
  match_path: z
    .array(text.pipe(z.string().min(1).max(200)))
    .max(20)
    .optional(),
  match_pattern: pattern,
  prompt_cost: price,
  completion_cost: price,
  prompt_cost_details: details.nullish(),
  completion_cost_details: details.nullish(),
  provider: text.pipe(z.string().max(200)).nullish(),
})

/** @param id of the price that is replaced; absent: a new one */
export function priceFromBody(
  body: z.output<typeof priceBody>,
  now: Timestamp,
  id: string = randomUUID(),
): ModelPrice {
  const prices = {
    input: body.prompt_cost,
    output: body.completion_cost,
    ...prefixed('input', body.prompt_cost_details),
    ...prefixed('output', body.completion_cost_details),
  }
  return {
    id,
    name: body.name,
    matchPattern: body.match_pattern,
    matchPath: body.match_path ?? defaultMatchPath,
    provider: body.provider ?? null,
    startTime: body.start_time ?? null,
    unit: 'TOKENS',
    tiers: [
      { id: randomUUID(), name: 'Standard', isDefault: true, priority: 0, conditions: [], prices },
    ],
    partsFallBack: true,
    tokenizerId: null,
    tokenizerConfig: null,
    createdAt: now,
  }
}

function prefixed(
  side: 'input' | 'output',
  prices: Record<string, Decimal> | null | undefined,
): Record<string, Decimal> {
  const entries = Object.entries(prices ?? {}).map(([key, each]) => [`${side}_${key}`, each])
  return Object.fromEntries(entries) as Record<string, Decimal>
}

const detailsAnswer = z.record(z.string(), decimalAnswer).nullable()

/** ModelPriceMapSchema. */
export const priceAnswer = z
  .object({
    id: uuidAnswer,
    name: z.string(),
    start_time: timeAnswer.nullable(),
    tenant_id: uuidAnswer.nullable(),
    match_path: z.array(z.string()),
    match_pattern: z.string(),
    prompt_cost: decimalAnswer,
    completion_cost: decimalAnswer,
    prompt_cost_details: detailsAnswer,
    completion_cost_details: detailsAnswer,
    provider: z.string().nullable(),
  })
  .meta({ id: 'LangsmithModelPrice' })

/** @param tenantId null for a price that ships with the server */
export function answerFromPrice(
  price: ModelPrice,
  tenantId: string | null,
): z.output<typeof priceAnswer> {
  const prices = price.tiers.find(({ isDefault }) => isDefault)?.prices ?? {}
  return {
    id: price.id,
    name: price.name,
    start_time: price.startTime,
    tenant_id: tenantId,
    match_path: price.matchPath,
    match_pattern: price.matchPattern,
    prompt_cost: prices.input ?? '0',
    completion_cost: prices.output ?? '0',
    prompt_cost_details: partsOf('input', prices),
    completion_cost_details: partsOf('output', prices),
    provider: price.provider,
  }
}

function partsOf(side: string, prices: Record<string, Decimal>): Record<string, Decimal> | null {
  const parts = Object.entries(prices)
    .filter(([key]) => key.startsWith(`${side}_`))
    .map(([key, each]) => [key.slice(side.length + 1), each])
  return parts.length === 0 ? null : (Object.fromEntries(parts) as Record<string, Decimal>)
}
