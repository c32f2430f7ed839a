import type { z } from 'zod'
import { RunmillError } from './errors.ts'

/** Writes the place where a page continues. It grants no access: every read binds the tenant of the key. */
export function writeCursor(values: readonly (string | number | null)[]): string {
  return Buffer.from(JSON.stringify(values)).toString('base64url')
}

/** @throws RunmillError 400 for what is no cursor of this list */
export function readCursor<Schema extends z.ZodType>(
  schema: Schema,
  cursor: string,
): z.output<Schema> {
  try {
    return schema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()))
  } catch {
    throw new RunmillError(400, 'Invalid cursor')
  }
}
