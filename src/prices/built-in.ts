import {
  calcPrice,
  type MatchLogic,
  type ModelInfo,
  type ModelPrice as ShippedPrices,
  type PriceCalculation,
  type PriceOptions,
  type Provider,
  waitForUpdate,
} from '@pydantic/genai-prices'
import { LRUCache } from 'lru-cache'
import { parseDecimal, shiftDecimal } from '../domain/decimal.ts'
import type { Decimal } from '../domain/entities.ts'
import { deriveId } from '../domain/ids.ts'
import { fromEpochMs, parseTimestamp, type Timestamp } from '../domain/timestamp.ts'
import { sideOf, type Rate, type Usage } from './cost.ts'
import { defaultMatchPath, type ModelPrice, type PriceTier } from './model-price.ts'

/*
 * The prices that ship with the server, of the package `@pydantic/genai-prices`. They are those of its version in
 * package.json: nothing is fetched. The package finds a model; the arithmetic is ours, because its own is in floating
 * point.
 */

/** The kinds of usage that have prices of their own: what their keys contain, and the package's prices, best first. */
const inputKinds: [pattern: RegExp, prices: string[]][] = [
  [/cache.*audio|audio.*cache/, ['cache_audio_read_mtok', 'cache_read_mtok', 'input_audio_mtok']],
  [/cache.*image|image.*cache/, ['cache_image_read_mtok', 'cache_read_mtok', 'input_image_mtok']],
  [/(?:cache|ephemeral).*1h|1h.*cache/, ['cache_write_1h_mtok', 'cache_write_mtok']],
  [/ephemeral|cache_?(?:write|creat)|(?:write|creat)\w*_cache/, ['cache_write_mtok']],
  [/cache/, ['cache_read_mtok']],
  [/audio/, ['input_audio_mtok']],
  [/image/, ['input_image_mtok']],
  [/video/, ['input_video_mtok']],
]
const outputKinds: typeof inputKinds = [
  [/audio/, ['output_audio_mtok']],
  [/image/, ['output_image_mtok']],
  [/video/, ['output_video_mtok']],
  [/reason|think|thought/, ['output_reasoning_mtok']],
  [/citation/, ['output_citation_mtok']],
]

/** By key, of which clients use few. */
const namesOfPrices = new LRUCache<string, string[]>({ max: 1000 })

/** The package's prices for a key of the usage, best first. */
function pricesFor(key: string): string[] {
  let names = namesOfPrices.get(key)
  if (names === undefined) namesOfPrices.set(key, (names = readPricesFor(key)))
  return names
}

function readPricesFor(key: string): string[] {
  const name = key.toLowerCase()
  if (name.includes('web_search')) return ['web_searches_kcount']
  const side = sideOf(name) ?? (/prompt|cache/.test(name) ? 'input' : null)
  if (side === null && !/completion|reason/.test(name)) return []
  const kinds = side === 'input' ? inputKinds : outputKinds
  const kind = kinds.find(([pattern]) => pattern.test(name))
  return [...(kind?.[1] ?? []), side === 'input' ? 'input_mtok' : 'output_mtok']
}

/** What a shipped price says about one run. */
export interface BuiltInPrice {
  id: string
  rate: Rate
}

interface Found {
  id: string
  provider: Provider
  model: ModelInfo
}

/** By name and provider. Finding a model takes 0.1 ms. */
const found = new LRUCache<string, { value: Found | null }>({ max: 5000 })

/** The package matches by texts and by expressions of its own. Longer names are no models. */
const maxNameLength = 200

/**
 * Finds the shipped price of a model.
 * @param provider as the client names it, or null
 * @param start when the run began: the price of that time counts
 */
export function findBuiltIn(
  name: string,
  provider: string | null,
  start: Timestamp,
  usage: Usage,
): BuiltInPrice | null {
  if (name.length > maxNameLength) return null
  const key = JSON.stringify([name, provider])
  let cached = found.get(key)
  if (cached === undefined) {
    cached = { value: findModel(name, provider) }
    found.set(key, cached)
  }
  if (cached.value === null) return null
  return { id: cached.value.id, rate: rateOf(pricesAt(cached.value, start), usage) }
}

function findModel(name: string, provider: string | null): Found | null {
  const slash = name.indexOf('/')
  const [before, after] = [name.slice(0, Math.max(0, slash)), name.slice(slash + 1)]
  const attempts: [name: string, provider: string | null][] = [
    ...(provider === null ? [] : ([[name, provider]] as const)),
    [name, null],
    // `openai/gpt-4o`, as gateways name models.
    ...(slash > 0
      ? ([
          [after, before],
          [after, null],
        ] as const)
      : []),
  ].map(([text, seller]) => [text!, seller ?? null])
  for (const [text, seller] of attempts) {
    const result = calc(text, seller === null ? {} : { providerId: seller })
    if (result === null) continue
    const { provider: found, model } = result
    return { id: idOf(found, model), provider: found, model }
  }
  return null
}

function pricesAt({ provider, model }: Omit<Found, 'id'>, start: Timestamp): ShippedPrices {
  if (!Array.isArray(model.prices)) return model.prices
  const alone = { ...provider, models: [{ ...model, match: { equals: 'it' } }] }
  return calc('it', { provider: alone, timestamp: new Date(start) })?.model_price ?? {}
}

function calc(name: string, options: PriceOptions): PriceCalculation | null {
  try {
    return calcPrice({}, name, options)
  } catch {
    // The package refuses to calculate with an entry that contradicts itself.
    return null
  }
}

function rateOf(prices: ShippedPrices, usage: Usage): Rate {
  const entries = Object.entries(usage)
  const inputTokens = entries
    .filter(([key]) => pricesFor(key).includes('input_mtok'))
    .reduce((sum, [, count]) => sum + count, 0)
  const keyed = entries.some(([key]) => key !== 'total' && pricesFor(key).length > 0)
  return (key) => {
    if (key === 'total') {
      // An embedding has nothing but input, so a total that came alone is that.
      return keyed || prices.output_mtok !== undefined
        ? null
        : perUnit(prices, 'input_mtok', inputTokens)
    }
    for (const name of pricesFor(key)) {
      const price = perUnit(prices, name, inputTokens)
      if (price !== null) return price
    }
    return null
  }
}

/** The price of one unit. Above its start, a tier of the whole input counts for all of a call's tokens. */
function perUnit(prices: ShippedPrices, name: string, inputTokens: number): Decimal | null {
  const price = prices[name]
  if (price === undefined) return null
  if (typeof price === 'number') return shifted(price, name)
  const tier = price.tiers.findLast(({ start }) => inputTokens > start)
  return shifted(tier?.price ?? price.base, name)
}

/** By number and unit. There are as many as the package has different prices. */
const decimals = new Map<string, Decimal | null>()

function shifted(price: number, name: string): Decimal | null {
  const places = name.endsWith('_kcount') ? 3 : 6
  const key = `${price} ${places}`
  let found = decimals.get(key)
  if (found === undefined) {
    const decimal = parseDecimal(String(price))
    found = decimal === null ? null : shiftDecimal(decimal, places)
    decimals.set(key, found)
  }
  return found
}

function idOf(provider: Provider, model: ModelInfo): string {
  return deriveId('built-in-price', provider.id, model.id)
}

/** The keys under which lists show shipped prices. */
const shownKeys: Readonly<Record<string, string>> = {
  input_mtok: 'input',
  output_mtok: 'output',
  cache_read_mtok: 'input_cache_read',
  cache_write_mtok: 'input_cache_write',
  cache_write_1h_mtok: 'input_cache_write_1h',
  input_audio_mtok: 'input_audio',
  cache_audio_read_mtok: 'input_cache_audio_read',
  input_image_mtok: 'input_image',
  output_audio_mtok: 'output_audio',
  output_image_mtok: 'output_image',
  output_reasoning_mtok: 'output_reasoning',
}

let listed: Promise<ModelPrice[]> | null = null

/** All shipped prices as they were when the server first listed them, by name. */
export async function listBuiltIn(): Promise<readonly ModelPrice[]> {
  const now = fromEpochMs(Date.now())!
  listed ??= waitForUpdate().then((providers) =>
    (providers ?? [])
      .flatMap((provider) =>
        provider.models.flatMap((model) => {
          const price = shownPrice(provider, model, now)
          return price === null ? [] : [price]
        }),
      )
      .toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.id < b.id ? -1 : 1)),
  )
  return listed
}

/** Finds a shipped price by its id. */
export async function findShipped(id: string): Promise<ModelPrice | null> {
  shippedById ??= listBuiltIn().then((prices) => new Map(prices.map((price) => [price.id, price])))
  return (await shippedById).get(id) ?? null
}

let shippedById: Promise<ReadonlyMap<string, ModelPrice>> | null = null

/** Null for a model that has no price per token. */
function shownPrice(provider: Provider, model: ModelInfo, now: Timestamp): ModelPrice | null {
  const prices = pricesAt({ provider, model }, now)
  const id = idOf(provider, model)
  const starts = [
    ...new Set(
      Object.values(prices).flatMap((price) =>
        typeof price === 'object' ? price.tiers.map(({ start }) => start) : [],
      ),
    ),
  ].toSorted((a, b) => b - a)
  const tiers = [
    tierOf(id, prices, null, 0),
    ...starts.map((start, index) => tierOf(id, prices, start, index + 1)),
  ]
  if (Object.keys(tiers[0]!.prices).length === 0) return null
  return {
    id,
    name: model.id,
    matchPattern: `(?i)^(?:${patternOf(model.match)})$`,
    matchPath: defaultMatchPath,
    provider: provider.id,
    startTime: null,
    unit: 'TOKENS',
    tiers,
    partsFallBack: true,
    tokenizerId: null,
    tokenizerConfig: null,
    createdAt: shippedAt,
  }
}

/** The package does not tell when an entry was made. */
const shippedAt = parseTimestamp('2024-01-01T00:00:00Z')!

/** @param start the input tokens beyond which the tier counts; null for the default */
function tierOf(
  id: string,
  prices: ShippedPrices,
  start: number | null,
  priority: number,
): PriceTier {
  const shown = Object.entries(shownKeys).flatMap(([name, key]): [string, Decimal][] => {
    const price = perUnit(prices, name, start === null ? 0 : start + 1)
    return price === null ? [] : [[key, price]]
  })
  return {
    id: deriveId('built-in-tier', id, String(priority)),
    name: start === null ? 'Standard' : `Above ${start} input tokens`,
    isDefault: start === null,
    priority,
    conditions:
      start === null
        ? []
        : [{ usageDetailPattern: 'input', operator: 'gt', value: start, caseSensitive: false }],
    prices: Object.fromEntries(shown),
  }
}

/** Writes how the package matches as an expression, to be shown. A conjunction is shown as its first part. */
function patternOf(match: MatchLogic): string {
  if ('or' in match) return match.or.map(patternOf).join('|')
  if ('and' in match) return patternOf(match.and[0]!)
  if ('equals' in match) return escape(match.equals)
  if ('starts_with' in match) return `${escape(match.starts_with)}.*`
  if ('ends_with' in match) return `.*${escape(match.ends_with)}`
  if ('contains' in match) return `.*${escape(match.contains)}.*`
  return `.*(?:${match.regex}).*`
}

function escape(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)
}
