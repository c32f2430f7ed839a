/*
 * Reads the text that Python's `repr` gives of plain values and of objects. Some frameworks put a dict, or the whole answer
 * of a model, into an attribute as such text.
 */

/** Nested deeper, a text is not read. */
const maxDepth = 100

const start = /\s*(?:[[{]|[A-Za-z_][\w.]*\()/y
const space = /\s*/y
const number = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const name = /[A-Za-z_][\w.]*/y
const keyword = /([A-Za-z_]\w*)=/y
/** An object that says nothing of its members, such as `<Role.USER: 'user'>`. */
const opaque = /<[^<>'"]*(?:'[^'\\]*')?>/y
const quote = /[bru]{0,2}(['"])/iy

const constants: Readonly<Record<string, unknown>> = { None: null, True: true, False: false }

/**
 * Returns what the text says: a dict, or an object by its keyword arguments, as an object; a list, tuple or set as an
 * array. What has no such meaning is null, and strings keep their escapes. It takes time in proportion to the length.
 * @returns undefined when the text is not of a dict, a list or an object, or does not end with it
 */
export function readPythonRepr(text: string): unknown {
  let at = 0

  function match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = at
    const found = pattern.exec(text)
    if (found !== null) at = pattern.lastIndex
    return found
  }

  function skip(character: string): boolean {
    match(space)
    if (text[at] !== character) return false
    at++
    return true
  }

  function readValue(depth: number): unknown {
    if (depth > maxDepth) throw notPython
    match(space)
    const quoted = match(quote)
    if (quoted !== null) return readString(quoted[1]!)
    if (skip('{')) return readDict(depth)
    if (skip('[')) return readList(']', depth)
    if (skip('(')) return readList(')', depth)
    const digits = match(number)
    if (digits !== null) return Number(digits[0])
    const named = match(name)
    if (named !== null) {
      return text[at] === '(' && skip('(') ? readObject(depth) : (constants[named[0]] ?? null)
    }
    if (match(opaque) !== null) return null
    throw notPython
  }

  /** Reads up to the closing quote, looking at each character once. */
  function readString(mark: string): string {
    const begin = at
    for (; at < text.length; at++) {
      if (text[at] === '\\') at++
      else if (text[at] === mark) return text.slice(begin, at++)
    }
    throw notPython
  }

  function readDict(depth: number): unknown {
    const entries: [string, unknown][] = []
    const list: unknown[] = []
    while (!skip('}')) {
      const key = readValue(depth + 1)
      if (!skip(':')) list.push(key)
      else if (typeof key !== 'string' && typeof key !== 'number') throw notPython
      else entries.push([String(key), readValue(depth + 1)])
      endOfOne('}')
    }
    return list.length > 0 ? list : Object.fromEntries(entries)
  }

  function readList(end: string, depth: number): unknown[] {
    const list: unknown[] = []
    while (!skip(end)) {
      list.push(readValue(depth + 1))
      endOfOne(end)
    }
    return list
  }

  function readObject(depth: number): unknown {
    const entries: [string, unknown][] = []
    while (!skip(')')) {
      match(space)
      const key = match(keyword)
      const value = readValue(depth + 1)
      if (key !== null) entries.push([key[1]!, value])
      endOfOne(')')
    }
    return Object.fromEntries(entries)
  }

  function endOfOne(end: string): void {
    if (skip(',')) return
    match(space)
    if (text[at] !== end) throw notPython
  }

  start.lastIndex = 0
  if (!start.test(text)) return undefined
  try {
    const value = readValue(0)
    match(space)
    return at === text.length ? value : undefined
  } catch (error) {
    if (error === notPython) return undefined
    throw error
  }
}

/** Thrown and caught here alone, so it needs no stack. */
const notPython = new Error('not the text of a Python value')
