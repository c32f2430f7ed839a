import { hash } from 'node:crypto'
import type { Decimal, JsonText } from '../domain/entities.ts'
import { parseTimestamp } from '../domain/timestamp.ts'
import { usageMapsOf } from '../domain/usage.ts'
import { costOf, type Usage } from './cost.ts'
import type { AppliedPrice } from './model-price.ts'
import type { Call, PriceBook } from './price-book.ts'

/** What the cost of a run depends on, and what it has now: `run_lock_to_price` reads it. */
export interface RunToPrice {
  runType: string | null
  model: string | null
  provider: string | null
  invocation: unknown
  start: string | null
  promptTokens: number | null
  completionTokens: number | null
  totalTokens: number | null
  usageDetails: JsonText | null
  /** True when the row has any cost, the client's or a computed one. */
  hasCost: boolean
  costVersion: string | null
  price: AppliedPrice | null
}

/** What the row of a run is to hold. `price` is null when its cost is the client's. */
export interface PricedColumns {
  promptCost: Decimal | null
  completionCost: Decimal | null
  totalCost: Decimal | null
  costDetails: JsonText | null
  price: AppliedPrice | null
}

/** `keep`: the costs are the client's, and only the price is forgotten. `late`: to be tried again another time. */
export type PriceDecision = PricedColumns | 'keep' | 'late' | null

const noCost = { promptCost: null, completionCost: null, totalCost: null, costDetails: null }

/** Runs of these types are calls of a model. Others repeat the usage of their children. */
const pricedTypes = new Set(['llm', 'embedding'])

/**
 * Decides on the cost of a run (SPEC I14). It depends on nothing but the row and the prices, so it is the same whoever
 * decides, and in whatever order the row came about.
 * @param again true to price anew what was priced before
 * @returns null when the row stays as it is
 */
export function decidePrice(
  run: RunToPrice,
  book: PriceBook,
  attributes: ReadonlyMap<string, string>,
  again: boolean,
): PriceDecision {
  const applied = run.price
  // An event that set the cost since then has replaced what was computed.
  const isComputed = applied !== null && applied.costVersion === run.costVersion
  const isSent = (run.hasCost && !isComputed) || sentDetails.test(run.usageDetails ?? '')
  if (isSent) return applied === null ? null : isComputed ? { ...noCost, price: null } : 'keep'
  const call = callOf(run, attributes)
  if (call === null) return applied === null ? null : { ...noCost, price: null }
  const inputs = fingerprint(call)
  if (isComputed && applied.inputs === inputs && !again) return null
  const found = book.find(call)
  if (found === 'late') return 'late'
  const cost = found === null ? null : costOf(call.usage, found.rate)
  return {
    promptCost: cost?.prompt ?? null,
    completionCost: cost?.completion ?? null,
    totalCost: cost?.total ?? null,
    costDetails: cost?.details ?? null,
    price: {
      inputs,
      costVersion: run.costVersion,
      id: found?.id ?? null,
      tierId: found?.tierId ?? null,
      tierName: found?.tierName ?? null,
      input: found?.rate('input') ?? null,
      output: found?.rate('output') ?? null,
      total: found?.rate('total') ?? null,
    },
  }
}

/** LangSmith's clients can send the parts of a cost beside the tokens, and no total. */
const sentDetails = /"(?:prompt|completion)_cost_details":\{"/

/** Null when there is nothing to price: no call of a model, no model, no tokens, no time. */
function callOf(run: RunToPrice, attributes: ReadonlyMap<string, string>): Call | null {
  const start = run.start === null ? null : parseTimestamp(run.start)
  if (start === null || !pricedTypes.has(run.runType ?? '')) return null
  const invocation = textsOf(run.invocation)
  if (run.model === null && Object.keys(invocation).length === 0) return null
  const usage = usageOf(run)
  if (Object.keys(usage).length === 0) return null
  return { model: run.model, invocation, provider: run.provider, start, usage, attributes }
}

function usageOf(run: RunToPrice): Usage {
  const costs = { promptCost: null, completionCost: null, totalCost: null, costDetails: null }
  return usageMapsOf({ ...run, ...costs }).usageDetails
}

/** The parameters that are text. Other values name no model. */
function textsOf(invocation: unknown): Record<string, string> {
  if (typeof invocation !== 'object' || invocation === null) return {}
  const texts = Object.entries(invocation).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string' && entry[1].length <= 200,
  )
  return Object.fromEntries(texts)
}

function fingerprint({ model, invocation, provider, start, usage, attributes }: Call): string {
  const inputs = [
    model,
    provider,
    start,
    Object.entries(invocation).toSorted(byKey),
    Object.entries(usage).toSorted(byKey),
    [...attributes].toSorted(byKey),
  ]
  return hash('sha256', JSON.stringify(inputs), 'base64url').slice(0, 16)
}

function byKey([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0
}
