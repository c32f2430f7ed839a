import type { JsonMap, JsonText } from './entities.ts'
import { storableText } from './ids.ts'

/**
 * The deepest nesting of arrays and objects that a document may have: far deeper than real data, and far shallower
 * than what would overflow the stack.
 */
export const maxJsonDepth = 512

/**
 * True when the text nests deeper than `maxJsonDepth`. It only counts brackets, so the text need not be valid JSON.
 */
export function isTooDeep(text: string): boolean {
  const { length } = text
  let depth = 0
  for (let i = 0; i < length; i++) {
    const code = codeAt(text, i)
    if (code === quote) i = stringEnd(text, i) - 1
    else if (code === openBrace || code === openBracket) {
      if (++depth > maxJsonDepth) return true
    } else if (code === closeBrace || code === closeBracket) depth--
  }
  return false
}

/**
 * Returns the members of an object as raw text: numbers, the order of keys inside, and escapes stay as they were
 * sent. A repeated key keeps its last value, as with JSON.parse.
 * @param text valid JSON (it was parsed before); anything but an object gives an empty map
 */
export function sliceMembers(text: JsonText): Map<string, JsonText> {
  return membersFrom(text, skipSpace(text, 0, text.length)).members
}

/** @returns the members of the object that begins at `start`, and where it ends */
function membersFrom(text: string, start: number): { members: Map<string, JsonText>; end: number } {
  const { length } = text
  const members = new Map<string, JsonText>()
  if (start >= length || codeAt(text, start) !== openBrace) return { members, end: start }
  let i = skipSpace(text, start + 1, length)
  while (i < length && codeAt(text, i) !== closeBrace) {
    const keyEnd = stringEnd(text, i)
    const valueStart = skipSpace(text, skipSpace(text, keyEnd, length) + 1, length)
    const end = valueEnd(text, valueStart, length)
    members.set(stringValue(text.slice(i, keyEnd)), text.slice(valueStart, end))
    i = skipSpace(text, end, length)
    if (codeAt(text, i) === comma) i = skipSpace(text, i + 1, length)
  }
  return { members, end: i + 1 }
}

/**
 * Returns the elements of an array as raw text.
 * @param text valid JSON; anything but an array gives an empty list
 */
export function sliceElements(text: JsonText): JsonText[] {
  const elements: JsonText[] = []
  walkElements(text, (i, length) => {
    const end = valueEnd(text, i, length)
    elements.push(text.slice(i, end))
    return end
  })
  return elements
}

/** One element of an array. */
export interface Element {
  text: JsonText
  /** null for anything but an object. */
  members: Map<string, JsonText> | null
}

/** As `sliceElements`, with the members of each object, which costs no more. */
export function sliceObjects(text: JsonText): Element[] {
  const elements: Element[] = []
  walkElements(text, (i, length) => {
    const object = codeAt(text, i) === openBrace ? membersFrom(text, i) : null
    const end = object === null ? valueEnd(text, i, length) : object.end
    elements.push({ text: text.slice(i, end), members: object?.members ?? null })
    return end
  })
  return elements
}

/** @param read returns where the element that begins at an index ends */
function walkElements(text: JsonText, read: (start: number, length: number) => number): void {
  const { length } = text
  let i = skipSpace(text, 0, length)
  if (i >= length || codeAt(text, i) !== openBracket) return
  i = skipSpace(text, i + 1, length)
  while (i < length && codeAt(text, i) !== closeBracket) {
    i = skipSpace(text, read(i, length), length)
    if (codeAt(text, i) === comma) i = skipSpace(text, i + 1, length)
  }
}

/**
 * Returns the members of an object as a map for merging, with keys and values made fit for `jsonb` (see `jsonbText`).
 */
export function toJsonMap(text: JsonText): JsonMap {
  return jsonMapOf(sliceMembers(text))
}

/** As `toJsonMap`, of members that are cut out already. */
export function jsonMapOf(members: ReadonlyMap<string, JsonText>): JsonMap {
  const map: [string, JsonText][] = []
  for (const [key, value] of members) map.push([storableText(key), jsonbText(value)])
  return Object.fromEntries(map)
}

const escapes =
  /\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[^u])/g
const unstorableEscape = /^\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})$/

/**
 * Makes JSON fit for `jsonb`, which refuses `\u0000` and lone surrogates: both become U+FFFD. Everything else stays
 * as it is.
 */
export function jsonbText(text: JsonText): JsonText {
  if (!text.includes('\\u')) return text
  return text.replace(escapes, (escape) => (unstorableEscape.test(escape) ? '\\ufffd' : escape))
}

const hugeNumber = /\d[eE][+-]?\d{4}|\d{5000}/

/**
 * True when a number in the text may have more digits than `jsonb` can hold (131,072 before the point, 16,383 after
 * it).
 */
export function hasHugeNumber(text: JsonText): boolean {
  if (!hugeNumber.test(text)) return false
  let outside = 0
  for (let i = text.indexOf('"'); i !== -1; i = text.indexOf('"', outside)) {
    if (hugeNumber.test(text.slice(outside, i))) return true
    outside = stringEnd(text, i)
  }
  return hugeNumber.test(text.slice(outside))
}

/** Longest preview, in UTF-16 code units (architecture.md 4.4). */
const previewLength = 500
/**
 * A longer text is not parsed, and its preview is simply its beginning: a preview must not cost a parse of megabytes.
 */
const previewParseLimit = 16_384

/**
 * Returns plain text for lists: a string itself, the only member of an object or a list when that is a string, or else
 * the JSON. At most 500 characters; null for JSON null.
 */
export function previewOf(text: JsonText): string | null {
  if (text === 'null') return null
  return storableText(plainText(text).slice(0, previewLength))
}

function plainText(text: JsonText): string {
  if (text.length > previewParseLimit || isPlainStart(text)) return text
  const value: unknown = JSON.parse(text)
  if (typeof value === 'string') return value
  if (value !== null && typeof value === 'object') {
    const members = Object.values(value)
    if (members.length === 1 && typeof members[0] === 'string') return members[0]
  }
  return JSON.stringify(value)
}

/**
 * True when a parse would only give back the beginning of the text: it is an object or a list without spaces, escapes and
 * unusual numbers there, and does not hold one string alone.
 */
function isPlainStart(text: JsonText): boolean {
  if (text.length <= previewLength) return false
  const start = text.slice(0, previewLength)
  if (start.includes('\\u') || start.includes('\\/')) return false
  const first = text.charCodeAt(0)
  if (first !== openBrace && first !== openBracket) return false
  let i = 0
  while (i < previewLength) {
    const code = text.charCodeAt(i)
    if (code === quote) {
      const end = stringEnd(text, i)
      // A key that looks like a number would change its place.
      if (isDigit(text.charCodeAt(i + 1)) && text.charCodeAt(end) === colon) return false
      i = end
    } else if (isDigit(code) || code === minus) {
      const end = valueEnd(text, i, text.length)
      if (!/^-?(?:0|[1-9]\d{0,14})$/.test(text.slice(i, end)) || text.startsWith('-0', i))
        return false
      i = end
    } else if (code <= 0x20) return false
    else i++
  }
  return !isOneString(text)
}

/** True for an object or a list that may have one member, which is a string. */
function isOneString(text: JsonText): boolean {
  const isObject = text.charCodeAt(0) === openBrace
  const valueStart = isObject ? stringEnd(text, 1) + 1 : 1
  if (text.charCodeAt(valueStart) !== quote) return false
  const end = isObject ? closeBrace : closeBracket
  return text.charCodeAt(skipSpace(text, stringEnd(text, valueStart), text.length)) === end
}

/** @param text valid JSON of a string */
export function stringValue(text: JsonText): string {
  return text.includes('\\') ? (JSON.parse(text) as string) : text.slice(1, -1)
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

const quote = 0x22
const comma = 0x2c
const minus = 0x2d
const colon = 0x3a
const backslash = 0x5c
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d

const { charCodeAt, indexOf } = String.prototype

/**
 * As `text.charCodeAt(i)`. V8 looks a method up anew each time once five kinds of strings have come by (plain, cut out,
 * joined, of two bytes …), which takes longer than the method. A method that is called so is not looked up.
 */
function codeAt(text: string, i: number): number {
  return charCodeAt.call(text, i)
}

/** Returns the index after the closing quote of the string that opens at `start`. */
function stringEnd(text: string, start: number): number {
  let i = start + 1
  for (;;) {
    const end = indexOf.call(text, '"', i)
    if (end === -1) return text.length
    let slashes = 0
    while (codeAt(text, end - 1 - slashes) === backslash) slashes++
    if (slashes % 2 === 0) return end + 1
    i = end + 1
  }
}

/** @param length of the text, which costs a look-up too */
function valueEnd(text: string, start: number, length: number): number {
  const first = codeAt(text, start)
  if (first === quote) return stringEnd(text, start)
  if (first === openBrace || first === openBracket) {
    let depth = 0
    for (let i = start; i < length; i++) {
      const code = codeAt(text, i)
      if (code === quote) i = stringEnd(text, i) - 1
      else if (code === openBrace || code === openBracket) depth++
      else if ((code === closeBrace || code === closeBracket) && --depth === 0) return i + 1
    }
    return length
  }
  let i = start
  while (i < length) {
    const code = codeAt(text, i)
    if (code <= 0x20 || code === comma || code === closeBracket || code === closeBrace) break
    i++
  }
  return i
}

function skipSpace(text: string, start: number, length: number): number {
  let i = start
  while (i < length && codeAt(text, i) <= 0x20) i++
  return i
}
