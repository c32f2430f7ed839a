import { randomUUID } from 'node:crypto'
import type { JsonText } from './entities.ts'

/** JSON text that `stringifyWithRaw` writes as it is, without parsing it. */
export class RawJson {
  readonly text: JsonText
  constructor(text: JsonText) {
    this.text = text
  }

  toJSON(): unknown {
    if (found === null) return JSON.parse(this.text)
    found.push(this.text)
    return place
  }
}

/** The texts that `stringifyWithRaw` has met so far; null while it does not run. */
let found: JsonText[] | null = null
/** Stands for such a text until all is written. Nobody who sends strings can know it. */
let place = randomUUID()

/** Stored JSON for an answer, to be copied verbatim; null where there is none. */
export function rawJson(text: JsonText | null | undefined): RawJson | null {
  return text === null || text === undefined ? null : new RawJson(text)
}

/**
 * Works like `JSON.stringify`, but copies RawJson values verbatim. JSON.stringify writes all but those, as a walk of our own
 * takes half as long again, and leaves thousands of pieces to be joined when the answer is sent.
 */
export function stringifyWithRaw(value: unknown): string {
  if (value instanceof RawJson) return value.text
  const texts: JsonText[] = []
  found = texts
  let pieces: string[]
  try {
    pieces = JSON.stringify(value ?? null).split(`"${place}"`)
  } finally {
    found = null
  }
  if (pieces.length !== texts.length + 1) {
    place = randomUUID()
    return stringifyWithRaw(value)
  }
  return pieces.map((piece, i) => piece + (texts[i] ?? '')).join('')
}
