import { z } from 'zod'
import type { JsonText } from '../../../domain/entities.ts'
import { storableText } from '../../../domain/ids.ts'
import { jsonbText } from '../../../domain/json.ts'
import { parseTimestamp } from '../../../domain/timestamp.ts'

/*
 * What the routes share by which a key of the scope `admin` writes what another server has. Unknown keys are ignored.
 */

export const tags = ['runmill import']

/** Every route of an import may set times and ids that no other client may. */
export const config = { scope: 'admin' } as const

/** At most so many things in a request. */
export const atOnce = 200

/** Text that Postgres can hold. */
export const text = z.string().transform(storableText)

/** The id that the thing has on the other server: any text. */
export const givenId = z.string().min(1).max(800)

/** ISO-8601, with microseconds where there are any. */
export const time = z
  .string()
  .meta({ format: 'date-time' })
  .transform((input, context) => {
    const timestamp = parseTimestamp(input)
    if (timestamp !== null) return timestamp
    context.addIssue({ code: 'custom', message: 'expected a time' })
    return z.NEVER
  })

/** JSON, which is stored as it was sent. */
export const anyJson = z.unknown().optional()

/** A JSON object, which is stored as it was sent. */
export const jsonObject = z.record(z.string(), z.unknown()).nullish()

/** The JSON text of a member; null when it is absent or `null`. */
export function memberOf(members: ReadonlyMap<string, JsonText>, name: string): JsonText | null {
  const text = members.get(name) ?? 'null'
  return text === 'null' ? null : text
}

/** As `memberOf`, made fit for `jsonb`. */
export function metadataOf(
  members: ReadonlyMap<string, JsonText>,
  name = 'metadata',
): JsonText | null {
  const text = memberOf(members, name)
  return text === null ? null : jsonbText(text)
}
