/** A filter that cannot be parsed. The message is for the client and names the position. */
export class FilterSyntaxError extends Error {
  /** The position in the text, in UTF-16 code units from 0. */
  readonly position: number

  constructor(problem: string, position: number) {
    super(`Invalid filter: ${problem} (at position ${position})`)
    this.name = 'FilterSyntaxError'
    this.position = position
  }
}

export type Token = { position: number } & (
  | { kind: 'word' | 'mark'; text: string }
  | {
      kind: 'string'
      text: string
      /** The text between single quotes with its escapes as written; null for a double-quoted string. */
      verbatim: string | null
    }
  | { kind: 'number'; value: number }
  | { kind: 'end' }
)

/** The largest number of characters in a filter. */
const maxLength = 16_384

const space = /\s+/y
const word = /[A-Za-z_][A-Za-z0-9_.]*/y
const number = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const mark = /[()[\],]/y

/**
 * Splits a filter into tokens (contracts/langsmith.md 4.1). The last token is `end`.
 * @throws FilterSyntaxError
 */
export function tokenizeFilter(text: string): Token[] {
  if (text.length > maxLength) {
    throw new FilterSyntaxError(`longer than ${maxLength} characters`, maxLength)
  }
  const tokens: Token[] = []
  let position = match(space, text, 0).length
  while (position < text.length) {
    const { token, length } = readToken(text, position)
    tokens.push(token)
    position += length
    position += match(space, text, position).length
  }
  tokens.push({ kind: 'end', position })
  return tokens
}

function readToken(text: string, position: number): { token: Token; length: number } {
  const first = text[position]!
  if (first === '"' || first === "'") return readString(text, position)
  const marked = match(mark, text, position)
  if (marked !== '') return { token: { kind: 'mark', text: marked, position }, length: 1 }
  const worded = match(word, text, position)
  if (worded !== '') {
    return { token: { kind: 'word', text: worded, position }, length: worded.length }
  }
  const digits = match(number, text, position)
  if (digits === '' || match(word, text, position + digits.length) !== '') {
    throw new FilterSyntaxError(
      digits === '' ? `unexpected ${JSON.stringify(first)}` : 'a number ends in letters',
      position + digits.length,
    )
  }
  const value = Number(digits)
  if (!Number.isFinite(value)) throw new FilterSyntaxError('a number out of range', position)
  return {
    // -0 becomes 0, because it is printed as 0.
    token: { kind: 'number', value: value === 0 ? 0 : value, position },
    length: digits.length,
  }
}

const singleEscapes: Readonly<Record<string, string>> = {
  '"': '"',
  "'": "'",
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}

const unicodeEscape = /u([0-9a-fA-F]{4})/y

/**
 * The escapes are those of JSON, and `\'`. A backslash before any other character stands for itself, as in Python, so
 * that LIKE patterns such as `50\%` need no doubling.
 */
function readString(text: string, position: number): { token: Token; length: number } {
  const quote = text[position]!
  let value = ''
  let i = position + 1
  for (;;) {
    const character = text[i]
    if (character === undefined) throw new FilterSyntaxError('a string without end', position)
    if (character === quote) break
    const escaped = character === '\\' ? text[i + 1] : undefined
    if (escaped === undefined) {
      value += character
      i += 1
      continue
    }
    const unicode = match(unicodeEscape, text, i + 1)
    if (unicode !== '') value += String.fromCharCode(Number.parseInt(unicode.slice(1), 16))
    else value += singleEscapes[escaped] ?? `\\${escaped}`
    i += unicode === '' ? 2 : 1 + unicode.length
  }
  // JSON between single quotes was mostly pasted as a serialiser wrote it, with escapes of its own.
  const verbatim = quote === "'" ? text.slice(position + 1, i) : null
  return {
    token: { kind: 'string', text: value.toWellFormed(), verbatim, position },
    length: i + 1 - position,
  }
}

/** Returns what a sticky pattern matches at `position`; empty when it does not match. */
function match(pattern: RegExp, text: string, position: number): string {
  pattern.lastIndex = position
  return pattern.exec(text)?.[0] ?? ''
}
