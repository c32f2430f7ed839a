/** As the API writes figures in its summaries: three significant digits. */
export function short(value: number): string {
  return String(Number(value.toPrecision(3)))
}

/** With its sign, so that a gain and a loss differ without colour. The minus is as wide as the plus. */
export function signed(value: number): string {
  const text = short(Math.abs(value))
  if (text === '0') return '0'
  return value > 0 ? `+${text}` : `−${text}`
}

/** A probability; the smallest are not told apart. */
export function probability(p: number): string {
  return p < 0.0001 ? '< 0.0001' : String(Number(p.toPrecision(2)))
}

/** A share of 1. */
export function percent(share: number): string {
  return `${short(100 * share)} %`
}

/** A difference of shares, in percentage points. */
export function points(difference: number): string {
  return `${signed(100 * difference)} pt`
}

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 })

export function count(value: number): string {
  return whole.format(value)
}

/** `12.3K` for large numbers. */
export function compactCount(value: number): string {
  return value < 10_000 ? whole.format(value) : compact.format(value)
}

/** @param one the word for one, to which an s is added for others */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`
}

/** @param seconds */
export function duration(seconds: number): string {
  if (seconds < 0.001) return `${Math.round(seconds * 1e6)} µs`
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(2) : seconds.toFixed(1)} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** In US dollars, as prices of models are. */
export function cost(dollars: number): string {
  if (dollars === 0) return '$0'
  if (dollars < 0.01) return `$${Number(dollars.toPrecision(2))}`
  return `$${dollars < 100 ? dollars.toFixed(2) : whole.format(dollars)}`
}

/** A value of a measure: latency, tokens and cost have units, scores have none. */
export function amount(
  { key, is_score }: { key: string; is_score: boolean },
  value: number,
): string {
  if (is_score) return short(value)
  if (key === 'latency') return value < 0 ? `−${duration(-value)}` : duration(value)
  if (key === 'tokens') return value < 0 ? `−${compactCount(-value)}` : compactCount(value)
  return value < 0 ? `−${cost(-value)}` : cost(value)
}

/** A difference of a measure, with its sign. */
export function difference(measure: { key: string; is_score: boolean }, value: number): string {
  if (measure.is_score) return signed(value)
  const text = amount(measure, value)
  return value > 0 ? `+${text}` : text
}

const units: readonly [limit: number, seconds: number, unit: Intl.RelativeTimeFormatUnit][] = [
  [60, 1, 'second'],
  [3600, 60, 'minute'],
  [86_400, 3600, 'hour'],
  [86_400 * 30, 86_400, 'day'],
]
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'always', style: 'short' })
const date = new Intl.DateTimeFormat('en', { dateStyle: 'medium' })
const exact = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'medium' })

/** `3 min. ago`; beyond a month, the date. */
export function ago(time: string, now = Date.now()): string {
  const seconds = (now - Date.parse(time)) / 1000
  if (seconds < 5) return 'just now'
  for (const [limit, size, unit] of units) {
    if (seconds < limit) return relative.format(-Math.floor(seconds / size), unit)
  }
  return date.format(new Date(time))
}

export function exactTime(time: string): string {
  return exact.format(new Date(time))
}
