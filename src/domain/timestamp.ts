/**
 * A point in time as the product holds it everywhere: ISO-8601 in UTC with exactly six fraction digits and `Z`.
 * Microseconds survive, and comparing strings compares times.
 */
export type Timestamp = string

const iso =
  /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,12}))?)?\s*([Zz]|[+-]\d{2}(?::?\d{2})?)?)?$/

/** 9999-12-31T23:59:59.999Z in epoch milliseconds. */
const maxEpochMs = 253_402_300_799_999
/** 0001-01-01T00:00:00Z in epoch milliseconds. */
const minEpochMs = -62_135_596_800_000

/**
 * Reads what clients send as a time: ISO-8601 with `Z`, an offset or neither (taken as UTC), with fraction digits
 * (cut to six), or epoch milliseconds as a number.
 * @returns null for anything else, or outside the years 1 to 9999.
 * @see contracts/langsmith.md 5.2
 */
export function parseTimestamp(input: string | number): Timestamp | null {
  if (typeof input === 'number') return fromEpochMs(input)
  return readUsual(input) ?? readAny(input)
}

const utcFraction = /^(?:\.(\d{1,12}))?(?:Z|\+00:00)?$/

/** Reads a time in UTC of a second that was seen lately, ten times as fast as any other; null for all others. */
function readUsual(input: string): Timestamp | null {
  const second = input.slice(0, 19)
  if (!seenSeconds.has(second)) return null
  const match = utcFraction.exec(input.slice(19))
  return match === null ? null : `${second}.${(match[1] ?? '').slice(0, 6).padEnd(6, '0')}Z`
}

function readAny(input: string): Timestamp | null {
  const match = iso.exec(input.trim())
  if (match === null) return null
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '', zone = 'Z'] =
    match
  const wall = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  )
  const date = new Date(wall)
  if (Number(year) < 100) date.setUTCFullYear(Number(year))
  // Date.UTC rolls 31 February over to March, which is not what anyone meant.
  if (
    date.getUTCMonth() !== Number(month) - 1 ||
    date.getUTCDate() !== Number(day) ||
    date.getUTCHours() !== Number(hour) ||
    date.getUTCMinutes() !== Number(minute) ||
    date.getUTCSeconds() !== Number(second)
  ) {
    return null
  }
  return withMicros(date.getTime() - zoneOffsetMs(zone), fraction.slice(0, 6).padEnd(6, '0'))
}

/** Converts epoch milliseconds (fractions kept to the microsecond) to a Timestamp; null when out of range. */
export function fromEpochMs(ms: number): Timestamp | null {
  if (!Number.isFinite(ms)) return null
  const seconds = Math.floor(ms / 1000)
  const micros = Math.min(999_999, Math.floor((ms - seconds * 1000) * 1000 + 1e-6))
  return withMicros(seconds * 1000, String(micros).padStart(6, '0'))
}

/** Converts whole microseconds since the epoch; null when out of range. @param micros a safe integer */
export function fromEpochMicros(micros: number): Timestamp | null {
  const seconds = Math.floor(micros / 1_000_000)
  return withMicros(seconds * 1000, String(micros - seconds * 1_000_000).padStart(6, '0'))
}

/** Returns whole microseconds since the epoch. They are a safe integer for the years 1685 to 2255. */
export function toEpochMicros(timestamp: Timestamp): number {
  return toEpochMs(timestamp) * 1000 + Number(timestamp.slice(-4, -1))
}

/** Returns whole milliseconds since the epoch, rounded down. */
export function toEpochMs(timestamp: Timestamp): number {
  const secondMs = seenSeconds.get(timestamp.slice(0, 19))
  return secondMs === undefined
    ? Date.parse(`${timestamp.slice(0, 23)}Z`)
    : secondMs + Number(timestamp.slice(20, 23))
}

/**
 * Cuts to milliseconds, which is how Langfuse writes times: `2026-01-21T14:35:42.000Z` (contracts/langfuse.md 1.6).
 */
export function toMillisecondIso(timestamp: Timestamp): string {
  return `${timestamp.slice(0, 23)}Z`
}

function withMicros(secondMs: number, micros: string): Timestamp | null {
  if (secondMs < minEpochMs || secondMs > maxEpochMs) return null
  return `${secondText(secondMs)}.${micros}Z`
}

/** Times of one request are of few seconds. To write or to read one takes ten times as long as to find it here. */
const seenTexts = new Map<number, string>()
const seenSeconds = new Map<string, number>()
const mostSeen = 1000

function secondText(secondMs: number): string {
  const seen = seenTexts.get(secondMs)
  if (seen !== undefined) return seen
  if (seenTexts.size >= mostSeen) {
    seenTexts.clear()
    seenSeconds.clear()
  }
  const text = new Date(secondMs).toISOString().slice(0, 19)
  seenTexts.set(secondMs, text)
  seenSeconds.set(text, secondMs)
  return text
}

function zoneOffsetMs(zone: string): number {
  if (zone === 'Z' || zone === 'z') return 0
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3).replace(':', '') || 0)
  return (zone.startsWith('-') ? -minutes : minutes) * 60_000
}
