import { z } from 'zod'
import type { ExamplePlace } from '../../domain/stats/example-page.ts'
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

const examplePlace = z.tuple([z.guid(), z.number().nullable(), z.number()])

export function writeExamplePlace({ id, rank, created }: ExamplePlace): string {
  return writeCursor([id, rank, created])
}

/** @throws RunmillError 400 for what is no cursor of a list of examples */
export function readExamplePlace(cursor: string): ExamplePlace {
  const [id, rank, created] = readCursor(examplePlace, cursor)
  return { id: id.toLowerCase(), rank, created }
}
