import type { JsonText } from './entities.ts'
import { isTooDeep } from './json.ts'

/**
 * True when a string holds JSON, as clients that trace by OpenTelemetry send it (contracts/langfuse.md 3.3). Whole numbers
 * that JavaScript cannot hold stay strings.
 */
export function holdsJson(plain: string): boolean {
  // Most strings are prose: no parse, and no exception, for those.
  if (!/^\s*(?:[[{"\d-]|true\b|false\b|null\b)/.test(plain) || isTooDeep(plain)) return false
  try {
    const value: unknown = JSON.parse(plain)
    return typeof value !== 'number' || !Number.isInteger(value) || Number.isSafeInteger(value)
  } catch {
    return false
  }
}

/** The JSON that a string holds, or else the string as JSON. */
export function jsonOfString(plain: string): JsonText {
  return holdsJson(plain) ? plain.trim() : JSON.stringify(plain)
}
