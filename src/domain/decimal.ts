import type { Decimal } from './entities.ts'

const decimal = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,3}))?$/

/** A number with more than 30 digits before or after the point is not taken for a price. */
const maxDigits = 30

/**
 * Reads a JSON number, or a decimal in a string, exactly: `1e-6` is `0.000001`.
 * @returns null unless it is a finite decimal of at most 30 digits on either side of the point
 */
export function parseDecimal(text: string): Decimal | null {
  if (text.length > 100) return null
  const match = decimal.exec(text.trim())
  if (match === null) return null
  const [, sign, whole = '', fraction = '', exponent = '0'] = match
  const scale = fraction.length - Number(exponent)
  if (scale < -maxDigits || scale > maxDigits) return null
  const digits = BigInt(whole + fraction) * 10n ** BigInt(Math.max(0, -scale))
  if (String(digits).length - Math.max(0, scale) > maxDigits) return null
  return format(sign === '-' ? -digits : digits, Math.max(0, scale))
}

/** Adds exactly, without rounding. */
export function addDecimals(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(scaleOf(a), scaleOf(b))
  return format(unscaled(a, scale) + unscaled(b, scale), scale)
}

function scaleOf(text: Decimal): number {
  const point = text.indexOf('.')
  return point === -1 ? 0 : text.length - point - 1
}

function unscaled(text: Decimal, scale: number): bigint {
  return BigInt(text.replace('.', '')) * 10n ** BigInt(scale - scaleOf(text))
}

function format(digits: bigint, scale: number): Decimal {
  const sign = digits < 0n ? '-' : ''
  const text = String(digits < 0n ? -digits : digits).padStart(scale + 1, '0')
  return scale === 0 ? sign + text : `${sign}${text.slice(0, -scale)}.${text.slice(-scale)}`
}

/** Multiplies exactly by a whole number that is not negative. Zeros at the end of the fraction are left out. */
export function multiplyDecimal(price: Decimal, count: number): Decimal {
  const scale = scaleOf(price)
  return trimDecimal(format(unscaled(price, scale) * BigInt(count), scale))
}

/** Divides exactly by a power of ten: `2.5` by 6 places is `0.0000025`. */
export function shiftDecimal(value: Decimal, places: number): Decimal {
  const scale = scaleOf(value)
  return trimDecimal(format(unscaled(value, scale), scale + places))
}

/** Leaves out zeros at the end of the fraction. */
export function trimDecimal(value: Decimal): Decimal {
  return value.includes('.') ? value.replace(/\.?0+$/, '') : value
}
