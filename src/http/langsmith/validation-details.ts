import type { z } from 'zod'

/** One entry of a 422's `detail` list; all three keys are required (contracts/langsmith.md 1.3). */
export interface ValidationDetail {
  loc: (string | number)[]
  msg: string
  type: string
}

/** A problem that zod found, with what its kind of problem adds. */
export interface Issue {
  code: string
  message: string
  path: readonly PropertyKey[]
  [more: string]: unknown
}

/**
 * Says in the vendor's words what is wrong with a value. Messages of our own schemas stay as they are.
 * @param loc where the value is in the request
 */
export function detailsOf(loc: (string | number)[], issue: Issue): ValidationDetail[] {
  const at = [...loc, ...issue.path.map((key) => (typeof key === 'number' ? key : String(key)))]
  if (issue.code === 'invalid_union' && isOfZod(issue.message)) {
    const branches = (issue['errors'] ?? []) as Issue[][]
    // A value of the right type that is wrong inside: what is wrong there says more.
    const [nearest] = branches.filter((branch) => branch.every(({ path }) => path.length > 0))
    if (nearest !== undefined) return nearest.flatMap((inner) => detailsOf(at, inner))
    const kinds = [...new Set(branches.flat().map((inner) => expectedOf(inner)))]
    return [{ loc: at, msg: `Input should be ${listed(kinds, 'or')}`, type: 'type_error' }]
  }
  return [{ loc: at, ...problemOf(issue) }]
}

/** zod's own messages, which are written for programmers, begin with one of these words. */
function isOfZod(message: string): boolean {
  return /^(?:Invalid|Too big|Too small|Unrecognized)\b/.test(message)
}

type Problem = Pick<ValidationDetail, 'msg' | 'type'>

function problemOf(issue: Issue): Problem {
  const { code, message } = issue
  if (message.endsWith('received undefined')) return { msg: 'Field required', type: 'missing' }
  const type = typeOf(issue)
  if (!isOfZod(message)) return { msg: message, type }
  switch (code) {
    case 'too_big':
    case 'too_small':
      return { msg: sizeMessage(issue), type }
    case 'invalid_value':
    case 'invalid_type':
    case 'invalid_format':
      return { msg: `Input should be ${expectedOf(issue)}`, type }
    default:
      return { msg: 'Input is not valid', type }
  }
}

/** What a value should be, with its article. */
function expectedOf(issue: Issue): string {
  const { code, expected, format, values } = issue as z.core.$ZodIssue & Record<string, unknown>
  if (code === 'invalid_value') {
    return listed(
      (values as unknown[]).map((value) =>
        typeof value === 'string' ? `'${value}'` : JSON.stringify(value),
      ),
      'or',
    )
  }
  if (code === 'invalid_format') return formatNames[String(format)] ?? 'well formed'
  return typeNames[String(expected)] ?? `a valid ${String(expected)}`
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'a valid string',
  number: 'a valid number',
  int: 'a valid integer',
  boolean: 'a valid boolean',
  array: 'a valid list',
  object: 'a valid object',
  record: 'a valid object',
  null: 'null',
  nonoptional: 'present',
}

const formatNames: Readonly<Record<string, string>> = {
  guid: 'a valid UUID',
  uuid: 'a valid UUID',
  datetime: 'a valid datetime',
  url: 'a valid URL',
}

/** The vendor's names for problems that zod names differently. */
function typeOf({ code, expected, format, origin, inclusive }: Issue): string {
  switch (code) {
    case 'too_big':
      if (origin === 'string') return 'string_too_long'
      if (origin === 'array') return 'too_long'
      return inclusive === false ? 'less_than' : 'less_than_equal'
    case 'too_small':
      if (origin === 'string') return 'string_too_short'
      if (origin === 'array') return 'too_short'
      return inclusive === false ? 'greater_than' : 'greater_than_equal'
    case 'invalid_type':
      return vendorTypes[String(expected)] ?? 'type_error'
    case 'invalid_format':
      return format === 'guid' || format === 'uuid' ? 'uuid_parsing' : 'value_error'
    case 'invalid_value':
      return 'enum'
    default:
      return 'value_error'
  }
}

const vendorTypes: Readonly<Record<string, string>> = {
  string: 'string_type',
  number: 'float_parsing',
  int: 'int_parsing',
  boolean: 'bool_parsing',
  array: 'list_type',
  object: 'dict_type',
  record: 'dict_type',
}

function sizeMessage({ code, origin, minimum, maximum, inclusive }: Issue): string {
  const isLimit = code === 'too_big'
  const bound = String(isLimit ? maximum : minimum)
  const degree = isLimit ? 'at most' : 'at least'
  if (origin === 'string') return `String should have ${degree} ${bound} characters`
  if (origin === 'array') return `List should have ${degree} ${bound} items`
  const equal = inclusive === false ? '' : ' or equal to'
  return `Input should be ${isLimit ? 'less' : 'greater'} than${equal} ${bound}`
}

function listed(words: readonly string[], conjunction: string): string {
  if (words.length < 2) return words.join('')
  return `${words.slice(0, -1).join(', ')} ${conjunction} ${words.at(-1)}`
}
