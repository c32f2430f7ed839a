import type { z } from 'zod'
import type { JsonText } from '../../domain/entities.ts'
import { LangsmithError } from './errors.ts'
import { detailsOf } from './validation-details.ts'

/** Fields that stay JSON text: the name, what the text must begin with, and how an error message calls that. */
export type PayloadShapes = readonly (readonly [name: string, opening: RegExp, type: string])[]

/**
 * Parses and checks the fields that the schema names. Of the fields in `shapes` only the beginning is checked, because
 * they stay text. All other fields are ignored.
 * @param fields the JSON text of each field that is present
 * @param known values from elsewhere in the request, which win over the fields
 * @throws LangsmithError 422 that names every bad field
 */
export function readValues<S extends z.ZodObject>(
  schema: S,
  shapes: PayloadShapes,
  fields: ReadonlyMap<string, JsonText>,
  loc: (string | number)[],
  known: Record<string, unknown> = {},
): z.output<S> {
  const values: Record<string, unknown> = {}
  for (const name of Object.keys(schema.shape)) {
    const text = fields.get(name)
    if (text !== undefined) values[name] = JSON.parse(text)
  }
  const parsed = schema.safeParse({ ...values, ...known })
  const details = (parsed.error?.issues ?? []).flatMap((issue) => detailsOf(loc, { ...issue }))
  for (const [name, opening, type] of shapes) {
    if (opening.test(fields.get(name) ?? '')) continue
    if (fields.has(name))
      details.push({ loc: [...loc, name], msg: `Input should be ${type}`, type: 'type_error' })
  }
  if (!parsed.success || details.length > 0) throw new LangsmithError(422, details)
  return parsed.data
}

/** In creates and updates alike, a null field counts as absent (contracts/langsmith.md 3.3, 5.6). */
export function withoutNulls(fields: ReadonlyMap<string, JsonText>): ReadonlyMap<string, JsonText> {
  let hasNull = false
  for (const text of fields.values()) if (text === 'null') hasNull = true
  if (!hasNull) return fields
  const given = new Map<string, JsonText>()
  for (const [name, text] of fields) if (text !== 'null') given.set(name, text)
  return given
}

/** For routes whose schema is documentation only: their handlers validate the text of the body by `readValues`. */
export function unvalidated(): (value: unknown) => { value: unknown } {
  return (value) => ({ value })
}
