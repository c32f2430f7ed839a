import type { z } from 'zod'
import type { JsonText } from '../../domain/entities.ts'
import { LangsmithError, problemOf, type ValidationDetail } from './errors.ts'

/** Fields that travel as text: name, how the text may begin, and what to call that. */
export type PayloadShapes = readonly (readonly [name: string, opening: RegExp, type: string])[]

/**
 * Parses and checks the fields that a schema names; the payload fields are only looked at. Others are ignored.
 * @param fields JSON text per field; a field that is absent has no entry
 * @param known values that stand beside the fields and win over them
 * @throws LangsmithError 422 naming every bad field
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
  const details: ValidationDetail[] = (parsed.error?.issues ?? []).map((issue) => ({
    loc: [...loc, ...issue.path.map((part) => (typeof part === 'number' ? part : String(part)))],
    ...problemOf(issue.code, issue.message),
  }))
  for (const [name, opening, type] of shapes) {
    if (opening.test(fields.get(name) ?? '')) continue
    if (fields.has(name))
      details.push({ loc: [...loc, name], msg: `Input should be ${type}`, type: 'type_error' })
  }
  if (!parsed.success || details.length > 0) throw new LangsmithError(422, details)
  return parsed.data
}

/** null says nothing, in creates and updates alike (contracts/langsmith.md 3.3, 5 oddity 6). */
export function withoutNulls(fields: ReadonlyMap<string, JsonText>): Map<string, JsonText> {
  return new Map([...fields].filter(([, text]) => text !== 'null'))
}

/** For routes whose schema is documentation: the body is validated from its text, by `readValues`. */
export function unvalidated(): (value: unknown) => { value: unknown } {
  return (value) => ({ value })
}
