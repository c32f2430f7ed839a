import type { Readable } from 'node:stream'
import { z } from 'zod'
import type { RawJson } from '../domain/raw-json.ts'

/*
 * Parts of the schemas of answers. They document what is sent and let the compiler check it; no answer is validated or
 * rewritten by them. A test holds every answer of the suite against its schema.
 */

/** JSON of this shape, which handlers may pass on as text. */
export function raw<Schema extends z.ZodType>(
  schema: Schema,
): z.ZodType<z.output<Schema> | RawJson> {
  return schema as unknown as z.ZodType<z.output<Schema> | RawJson>
}

/** JSON of this shape, which handlers may write as a stream. */
export function streamed<Schema extends z.ZodType>(
  schema: Schema,
): z.ZodType<z.output<Schema> | Readable> {
  return schema as unknown as z.ZodType<z.output<Schema> | Readable>
}

/** An answer of another type than JSON, written as a stream. @param type without parameters, for example `text/csv` */
export function file<const Type extends string>(type: Type, description: string) {
  const schema = streamed(z.string())
  return { description, content: { [type]: { schema } } as Record<Type, { schema: typeof schema }> }
}

export const uuidAnswer = z.string().meta({ format: 'uuid' })

export const timeAnswer = z.string().meta({ format: 'date-time' })

/** A whole number. Sums may exceed what JavaScript holds exactly. */
export const wholeAnswer = raw(z.number().meta({ type: 'integer' }))

/** An exact decimal number in a string. */
export const decimalAnswer = z.string()

/** A JSON object whose contents are the client's. */
export const objectAnswer = raw(z.record(z.string(), z.unknown()))

/** JSON whose contents are the client's. */
export const anyAnswer = z.unknown()

export const messageAnswer = z.object({ message: z.string() })

/** An answer without a body. */
export const emptyAnswer = z.undefined().describe('No content')
