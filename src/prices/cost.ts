import { addDecimals, multiplyDecimal, trimDecimal } from '../domain/decimal.ts'
import type { Decimal, JsonText } from '../domain/entities.ts'

/** Counts by key, as Langfuse's clients name them (`usageMapsOf`): `input` is what is left beside `input_cached`. */
export type Usage = Readonly<Record<string, number>>

/** The price of one unit of a key of the usage; null when it costs nothing. */
export type Rate = (key: string) => Decimal | null

export interface Cost {
  prompt: Decimal | null
  completion: Decimal | null
  total: Decimal
  /** Cost by key of the usage, and `total`: JSON text with exact numbers. */
  details: JsonText
}

/**
 * Multiplies each count by its price, exactly. A total that has a price of its own is the total.
 * @returns null when nothing of the usage has a price
 */
export function costOf(usage: Usage, rate: Rate): Cost | null {
  const details = new Map<string, Decimal>()
  for (const [key, count] of Object.entries(usage)) {
    const price = rate(key)
    if (price !== null) details.set(key, multiplyDecimal(price, count))
  }
  if (details.size === 0) return null
  const parts = [...details].filter(([key]) => key !== 'total')
  const total = details.get('total') ?? sum(parts)!
  details.set('total', total)
  return {
    prompt: sum(parts.filter(([key]) => sideOf(key) === 'input')),
    completion: sum(parts.filter(([key]) => sideOf(key) === 'output')),
    total,
    details: `{${[...details].map(([key, cost]) => `${JSON.stringify(key)}:${cost}`).join(',')}}`,
  }
}

function sum(parts: [string, Decimal][]): Decimal | null {
  if (parts.length === 0) return null
  return trimDecimal(parts.map(([, cost]) => cost).reduce(addDecimals))
}

/** Whether a key of the usage counts for the input or the output; null: for the total alone. */
export function sideOf(key: string): 'input' | 'output' | null {
  const name = key.toLowerCase()
  if (name.includes('input')) return 'input'
  return name.includes('output') ? 'output' : null
}
