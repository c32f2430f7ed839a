import { z } from 'zod'
import { storableText } from '../../domain/ids.ts'
import { isTooDeep, jsonbText } from '../../domain/json.ts'
import { maxPatternLength, type Filter } from '../../domain/filter.ts'
import { parseTimestamp } from '../../domain/timestamp.ts'
import { LangsmithError } from './errors.ts'
import { FilterSyntaxError } from '../filter/filter-parse.ts'

/*
 * Schemas that many routes share (contracts/langsmith.md 2). Unknown keys are ignored everywhere.
 */

/** A UUID of any version, in upper or lower case; becomes lower case. */
export const uuid = z.guid().toLowerCase()

/** Text that Postgres can hold. */
export const text = z.string().transform(storableText)

/** Text that is looked for in others. */
export const searchedText = z
  .string()
  .max(maxPatternLength, `String should have at most ${maxPatternLength} characters`)
  .transform(storableText)
  .describe('Of each payload the first 262,144 characters are searched.')

/** A value of one of several types. zod's own message would only say `Invalid input`. @param type what is expected */
export function union<const Options extends readonly z.ZodType[]>(options: Options, type: string) {
  return z.union(options, {
    error: ({ input }) =>
      input === undefined ? `expected ${type}, received undefined` : `Input should be ${type}`,
  })
}

/** ISO-8601 with or without zone, or epoch milliseconds (contracts/langsmith.md 5.2). */
export const time = union(
  [z.string().meta({ format: 'date-time' }), z.number()],
  'a valid datetime',
).transform((input, context) => {
  const timestamp = parseTimestamp(input)
  if (timestamp !== null) return timestamp
  context.addIssue({ code: 'custom', message: 'Input should be a valid datetime' })
  return z.NEVER
})

/** A field that the vendor's clients send and this server does not use: it is documented and checked, then ignored. */
export function ignored<Schema extends z.ZodType>(schema: Schema, reason: string): Schema {
  return schema.describe(`Accepted and ignored: ${reason}.`)
}

/** A JSON object in a body. Its text is stored as it was sent, cut out of the body. */
export const jsonObject = z.record(z.string(), z.unknown())

/** Query: `true`, `True`, `false`, `1`, … */
export const flag = z
  .stringbool({
    truthy: ['true', '1', 'yes'],
    falsy: ['false', '0', 'no'],
    error: 'Input should be a valid boolean',
  })
  .meta({ type: 'boolean' })

/** Query: a parameter that may be repeated. */
export function listOf<Item extends z.ZodType>(item: Item, { min = 0, max = 1000 } = {}) {
  return z.preprocess(
    (value) => (value === undefined || Array.isArray(value) ? value : [value]),
    z.array(item).min(min).max(max),
  )
}

/** Query: ids, as a repeated parameter. */
export const uuidList = listOf(uuid)

/** Query: `offset` and `limit`. Out of range is an error, because a client takes a short page for the last one. */
export const page = {
  offset: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(100).default(100),
}

/** Query: a JSON object as text, made fit for a `jsonb` column. */
export const jsonObjectText = z.string().transform((input, context) => {
  if (isJsonObject(input)) return jsonbText(input)
  context.addIssue({ code: 'custom', message: 'Input should be a JSON object' })
  return z.NEVER
})

/** One name, or a list of names (`split`). */
export const names = union([text, z.array(text)], 'a string or a list of strings').transform(
  (value) => [value].flat(),
)

function isJsonObject(input: string): boolean {
  if (isTooDeep(input)) return false
  try {
    const value: unknown = JSON.parse(input)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  } catch {
    return false
  }
}

/** @throws LangsmithError 400 that says what is wrong with the filter, and where */
export function readFilter(
  parse: (text: string) => Filter,
  filter: string | undefined,
): Filter | undefined {
  if (filter === undefined || filter === '') return undefined
  try {
    return parse(filter)
  } catch (error) {
    if (error instanceof FilterSyntaxError) throw new LangsmithError(400, error.message)
    throw error
  }
}

/** What `as_of` means: the latest state, the state at a time, or the name of a tag. */
export type AsOf =
  | { kind: 'latest' }
  | { kind: 'time'; time: string }
  | { kind: 'tag'; tag: string }

function readAsOf(input: string): AsOf {
  if (input === 'latest') return { kind: 'latest' }
  // A `+` that the client did not escape in the URL arrives as a space.
  const timestamp = parseTimestamp(input.replace(/(\d:\d\d(?:\.\d+)?) (\d\d:?\d\d)$/, '$1+$2'))
  return timestamp === null
    ? { kind: 'tag', tag: storableText(input) }
    : { kind: 'time', time: timestamp }
}

/** A time or a tag, `latest` included. */
export const version = z.string().transform(readAsOf)

/** Query: `as_of`. */
export const asOf = z.string().default('latest').transform(readAsOf)
