import type { JsonText } from './entities.ts'
import { isTooDeep } from './json.ts'

/**
 * True when a string holds JSON, which is how clients that trace by OpenTelemetry send values (contracts/langfuse.md
 * 3.3). False for whole numbers that JavaScript cannot hold: they stay strings.
 */
export function holdsJson(plain: string): boolean {
  // Most strings are prose, and need neither a parse nor an exception.
  if (!/^\s*(?:[[{"\d-]|true\b|false\b|null\b)/.test(plain) || isTooDeep(plain)) return false
  try {
    const value: unknown = JSON.parse(plain)
    return typeof value !== 'number' || !Number.isInteger(value) || Number.isSafeInteger(value)
  } catch {
    return false
  }
}

/** Returns the JSON that a string holds, or else the string itself as JSON. */
export function jsonOfString(plain: string): JsonText {
  return holdsJson(plain) ? plain.trim() : JSON.stringify(plain)
}
