import type { Json } from '../api/answers.ts'

/** Deeper than anybody reads. Browsers read JSON that is deeper than they can write. */
const deepest = 200

/** A value as JSON. What is nested too deep for the browser is cut, and says so. */
export function jsonText(value: Json, indent = 0): string {
  try {
    return JSON.stringify(value, null, indent)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return JSON.stringify(cut(value, 0), null, indent)
  }
}

function cut(value: Json, depth: number): Json {
  if (value === null || typeof value !== 'object') return value
  if (depth === deepest) return '… nested deeper'
  if (Array.isArray(value)) return value.map((each) => cut(each, depth + 1))
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, cut(each, depth + 1)]))
}
