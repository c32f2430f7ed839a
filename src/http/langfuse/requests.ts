import { z } from 'zod'
import { storableText } from '../../domain/ids.ts'
import { fromEpochMs, parseTimestamp, toEpochMs, type Timestamp } from '../../domain/timestamp.ts'

/*
 * Schemas that many routes share (contracts/langfuse.md 1.6).
 */

/** Text that Postgres can hold. */
export const text = z.string().transform(storableText)

/** The longest id that clients may give anything that they trace (contracts/langfuse.md 5.10). */
const maxIdLength = 800

/** The id that a client gives a trace, an observation, a score or an event. */
export const clientId = z
  .string()
  .max(maxIdLength)
  .regex(/^[^\r]*$/, 'ID cannot contain carriage return characters')

/** Query: a number. */
export function numberOf(schema: z.ZodNumber, fallback: number) {
  return z
    .string()
    .optional()
    .transform((value) => (value === undefined ? fallback : Number(value)))
    .pipe(schema)
}

/** Query: `page` and `limit`. Out of range is an error; nothing is clamped. */
export const page = {
  page: numberOf(z.number().int().positive(), 1),
  limit: numberOf(z.number().int().min(1).max(100), 50),
}

/** Query of v1 lists: page 0 is allowed, and is the first page. */
export const pageFromZero = { ...page, page: numberOf(z.number().int().min(0), 1) }

export interface PageRequest {
  page: number
  limit: number
}

/** The number of rows before a page. */
export function offsetOf({ page: number, limit }: PageRequest): number {
  return Math.max(0, number - 1) * limit
}

const pageMeta = z.object({
  page: z.int(),
  limit: z.int(),
  totalItems: z.int(),
  totalPages: z.int(),
})

/** The answer of a list with numbered pages. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({ data: z.array(item), meta: pageMeta })
}

/** The answer of a list whose pages are found by a cursor, which the last page does not have. */
export function cursorPageOf<Item extends z.ZodType>(item: Item) {
  return z.object({ data: z.array(item), meta: z.object({ cursor: z.string().optional() }) })
}

/** The answer of a write that has nothing else to tell. */
export const messageAnswer = z.object({ message: z.string() })

/** A time in an answer. */
export const shownTime = z.string().meta({ format: 'date-time' })

/** Any JSON value in an answer. */
export const shownJson = z.unknown()

/** A JSON object in an answer, as it is stored, or null. */
export const shownObjectOrNull = z
  .unknown()
  .meta({ type: 'object', additionalProperties: true, nullable: true })

/** `meta` of a list. */
export function metaOf(
  { page: number, limit }: PageRequest,
  totalItems: number,
): z.output<typeof pageMeta> {
  return { page: number, limit, totalItems, totalPages: Math.ceil(totalItems / limit) }
}

/** Anything that JavaScript's Date takes, with or without a zone, or epoch milliseconds. Cut to milliseconds. */
export const lenientDate = z.union([z.string(), z.number()]).transform((input, context) => {
  const timestamp = parseTimestamp(input) ?? fromEpochMs(Date.parse(String(input)))
  if (timestamp !== null) return toWholeMs(timestamp)
  context.addIssue({
    code: 'invalid_type',
    expected: 'date',
    message: 'Invalid input: expected date, received Date',
  })
  return z.NEVER
})

const strictForm = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(\.\d+)?(Z|[+-]\d{2}:\d{2})$/

/** ISO-8601 in upper case, with seconds and `Z` or an offset. Cut to milliseconds. */
export const strictDate = z.string().transform((input, context) => {
  const timestamp = parseStrict(input)
  if (timestamp !== null) return toWholeMs(timestamp)
  context.addIssue({ ...invalidDate })
  return z.NEVER
})

/** As `strictDate`, but with microseconds, by which Python's clients order events. */
export const strictInstant = z.string().transform((input, context) => {
  const timestamp = parseStrict(input)
  if (timestamp !== null) return timestamp
  context.addIssue({ ...invalidDate })
  return z.NEVER
})

const invalidDate = {
  code: 'invalid_format',
  format: 'datetime',
  message: 'Invalid ISO datetime',
} as const

function parseStrict(input: string): Timestamp | null {
  const [, seconds, fraction = '', zone] = strictForm.exec(input) ?? []
  return parseTimestamp(`${seconds}${fraction.slice(0, 7)}${zone}`)
}

/** Query: several values, as a repeated parameter, separated by commas, or both. Empty values are dropped. */
export const textList = z.union([z.string(), z.array(z.string())]).transform((input) =>
  [input]
    .flat()
    .flatMap((values) => values.split(','))
    .map((value) => storableText(value.trim()))
    .filter((value) => value !== ''),
)

function toWholeMs(timestamp: Timestamp): Timestamp {
  return fromEpochMs(toEpochMs(timestamp))!
}
