import { RE2JS } from 're2js'

/** The longest pattern of a client. */
const maxLength = 500

/** The most instructions that a pattern may compile to. Matching takes time in proportion to them. */
const maxProgramSize = 1000

/** Thrown for a pattern that is not taken; the message is for the client. */
export class PatternError extends Error {
  override name = 'PatternError'
}

export interface Pattern {
  /** True when the pattern is found anywhere in the text. Takes time that is linear in the text. */
  isIn(text: string): boolean
}

/**
 * Compiles a regular expression of a client. It is never run by the engine's own expressions, which can take ages for a
 * pattern like `^(a+)+$`. Look-around and back references are refused, because they need backtracking.
 * @throws PatternError
 */
export function compilePattern(text: string, { ignoreCase = false } = {}): Pattern {
  if (text === '') throw new PatternError('The pattern is empty')
  if (text.length > maxLength) {
    throw new PatternError(`The pattern has more than ${maxLength} characters`)
  }
  const compiled = compile(text, ignoreCase ? RE2JS.CASE_INSENSITIVE : 0)
  if (compiled.programSize() > maxProgramSize) {
    throw new PatternError('The pattern repeats too much')
  }
  return { isIn: (searched) => compiled.matcher(searched).find() }
}

function compile(text: string, flags: number): RE2JS {
  try {
    return RE2JS.compile(text, flags)
  } catch (error) {
    const reason =
      error instanceof Error ? error.message.replace(/^error parsing regexp: /, '') : ''
    throw new PatternError(`The pattern is not a valid regular expression: ${reason}`)
  }
}
