import { LRUCache } from 'lru-cache'
import type { Decimal } from '../domain/entities.ts'
import type { Timestamp } from '../domain/timestamp.ts'
import { findBuiltIn } from './built-in.ts'
import { sideOf, type Rate, type Usage } from './cost.ts'
import {
  defaultMatchPath,
  type ModelPrice,
  type PriceTier,
  type UsageCondition,
} from './model-price.ts'
import { compilePattern, type Pattern, PatternError } from './pattern.ts'

/** What decides on the price of a run. */
export interface Call {
  /** Null when the client named no model but in the parameters of the invocation. */
  model: string | null
  /** The parameters of the invocation: name to value. */
  invocation: Readonly<Record<string, unknown>>
  provider: string | null
  start: Timestamp
  usage: Usage
  /** Parameters and metadata that a condition asks for, by `attributeName`. */
  attributes: ReadonlyMap<string, string>
}

/** A price that was found. */
export interface FoundPrice {
  id: string
  tierId: string | null
  tierName: string | null
  rate: Rate
}

export interface PriceBook {
  /** Parameters and metadata that conditions of the prices ask for, by `attributeName`. */
  attributes: readonly string[]
  /**
   * Finds the price in force: one of the tenant's before a shipped one; of the tenant's, the one that is in force since
   * the latest time, then the one for the run's provider, then the latest made.
   * @returns `late` when the tenant's patterns have taken too long lately
   */
  find(call: Call): FoundPrice | 'late' | null
}

/** Longer names are not compared with the patterns of clients. */
const maxNameLength = 200

/** What the patterns of one tenant may take in a worker. Whoever has worse ones gets no prices from then on. */
const budget = { ms: 1000, everyMs: 10_000 }

export function createPriceBook(prices: readonly ModelPrice[]): PriceBook {
  const entries = prices.toSorted(byPrecedence).map(entryOf)
  const attributes = new Set(entries.flatMap(({ price }) => attributesOf(price)))
  const matching = new LRUCache<string, { entries: Entry[] }>({ max: 1000 })
  let spent = { ms: 0, since: 0 }

  function entriesFor(name: string): Entry[] | 'late' {
    if (entries.length === 0 || name.length > maxNameLength) return []
    const known = matching.get(name)
    if (known !== undefined) return known.entries
    const startedAt = performance.now()
    if (startedAt - spent.since > budget.everyMs) spent = { ms: 0, since: startedAt }
    if (spent.ms > budget.ms) return 'late'
    const found = entries.filter(({ pattern }) => pattern?.isIn(name) === true)
    spent.ms += performance.now() - startedAt
    matching.set(name, { entries: found })
    return found
  }

  return {
    attributes: [...attributes],
    find(call) {
      const names = namesOf(call)
      let best: Entry | null = null
      for (const { name, path } of names) {
        const candidates = entriesFor(name)
        if (candidates === 'late') return 'late'
        const first = candidates.find(({ price }) => isInForce(price, call, path))
        if (first !== undefined && (best === null || first.place < best.place)) best = first
      }
      if (best !== null) return foundPrice(best.price, tierFor(best.price, call))
      for (const { name, path } of names) {
        if (path !== null && !defaultMatchPath.includes(path)) continue
        const shipped = findBuiltIn(name, call.provider, call.start, call.usage)
        if (shipped !== null) return { ...shipped, tierId: null, tierName: null }
      }
      return null
    },
  }

  function entryOf(price: ModelPrice, place: number): Entry {
    return { price, place, pattern: patternOf(price.matchPattern) }
  }
}

interface Entry {
  price: ModelPrice
  /** The first in force is taken. */
  place: number
  pattern: Pattern | null
}

/** Patterns are checked when they are stored. One that a later version of the library refuses matches nothing. */
function patternOf(text: string, options?: { ignoreCase: boolean }): Pattern | null {
  try {
    return compilePattern(text, options)
  } catch (error) {
    if (error instanceof PatternError) return null
    throw error
  }
}

function byPrecedence(a: ModelPrice, b: ModelPrice): number {
  return (
    compare(b.startTime ?? '', a.startTime ?? '') ||
    Number(a.provider === null) - Number(b.provider === null) ||
    compare(b.createdAt, a.createdAt) ||
    compare(a.id, b.id)
  )
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** The names to look for, each with the parameter that holds it; null for a name that is the run's own. */
function namesOf({ model, invocation }: Call): { name: string; path: string | null }[] {
  if (model !== null) return [{ name: model, path: null }]
  return Object.entries(invocation).flatMap(([path, name]) =>
    typeof name === 'string' && name !== '' ? [{ name, path }] : [],
  )
}

function isInForce(price: ModelPrice, call: Call, path: string | null): boolean {
  if (price.startTime !== null && price.startTime > call.start) return false
  if (path !== null && !price.matchPath.includes(path)) return false
  return price.provider === null || price.provider.toLowerCase() === call.provider?.toLowerCase()
}

/** The name of a value that a condition asks for. */
export function attributeName(source: 'model_parameters' | 'metadata', key: string): string {
  return `${source}.${key}`
}

function attributesOf({ tiers }: ModelPrice): string[] {
  return tiers.flatMap(({ conditions }) =>
    conditions.flatMap((condition) =>
      'source' in condition ? [attributeName(condition.source, condition.key)] : [],
    ),
  )
}

function tierFor({ tiers }: ModelPrice, call: Call): PriceTier | null {
  return (
    tiers
      .filter(({ isDefault }) => !isDefault)
      .toSorted((a, b) => a.priority - b.priority)
      .find((tier) => holds(tier, call)) ??
    tiers.find(({ isDefault }) => isDefault) ??
    null
  )
}

function holds({ conditions }: PriceTier, { usage, attributes }: Call): boolean {
  return conditions.every((condition) => {
    if ('source' in condition) {
      const value = attributes.get(attributeName(condition.source, condition.key))
      return value !== undefined && condition.values.includes(value)
    }
    const { usageDetailPattern, caseSensitive, operator, value } = condition
    const pattern = patternOf(usageDetailPattern, { ignoreCase: !caseSensitive })
    if (pattern === null) return false
    const sum = Object.entries(usage)
      .filter(([key]) => pattern.isIn(key))
      .reduce((total, [, count]) => total + count, 0)
    return comparisons[operator](sum, value)
  })
}

const comparisons: Readonly<
  Record<UsageCondition['operator'], (sum: number, value: number) => boolean>
> = {
  gt: (sum, value) => sum > value,
  gte: (sum, value) => sum >= value,
  lt: (sum, value) => sum < value,
  lte: (sum, value) => sum <= value,
  eq: (sum, value) => sum === value,
  neq: (sum, value) => sum !== value,
}

function foundPrice({ id, partsFallBack }: ModelPrice, tier: PriceTier | null): FoundPrice {
  const prices = new Map(Object.entries(tier?.prices ?? {}))
  const whole = (key: string): Decimal | null => {
    const side = partsFallBack && key !== 'total' ? sideOf(key) : null
    return side === null ? null : (prices.get(side) ?? null)
  }
  return {
    id,
    tierId: tier?.id ?? null,
    tierName: tier?.name ?? null,
    rate: (key) => prices.get(key) ?? whole(key),
  }
}
