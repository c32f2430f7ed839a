import { z } from 'zod'
import type { JsonText } from '../../../domain/entities.ts'
import { storableText } from '../../../domain/ids.ts'
import { parseTimestamp } from '../../../domain/timestamp.ts'
import { readValues, type PayloadShapes } from '../payload-values.ts'
import { runTypes } from '../runs/run-answer.ts'
import { ignored, jsonObject, text, time, uuid } from '../schemas.ts'

/** Names of sessions are in a unique index, which limits their length. */
const maxNameLength = 500

/** The fields that are parsed. All others are payload, which stays the JSON text that the client wrote. */
export const runValues = z.object({
  id: uuid.nullish(),
  trace_id: uuid.nullish(),
  parent_run_id: uuid.nullish(),
  dotted_order: z.string().nullish(),
  session_id: uuid.nullish(),
  session_name: text.pipe(z.string().max(maxNameLength)).nullish(),
  name: text.nullish(),
  run_type: z.enum(runTypes).nullish(),
  start_time: time.nullish(),
  end_time: time.nullish(),
  tags: z.array(text).nullish(),
  reference_example_id: uuid.nullish(),
})

const attachmentsReason =
  "names of files in the vendor's own bucket; attachments come as parts of a multipart body"

/**
 * Documents one run as the ingest routes take it; run-to-events.ts validates its text. Other fields are ignored
 * (contracts/langsmith.md 2.6.1).
 */
export const runInput = runValues.extend({
  inputs: jsonObject.nullish(),
  outputs: jsonObject.nullish(),
  error: z.string().nullish(),
  extra: jsonObject.nullish(),
  events: z.array(jsonObject).nullish(),
  serialized: jsonObject.nullish(),
  status: ignored(z.string().nullish(), 'worked out from error and end_time'),
  input_attachments: ignored(jsonObject.nullish(), attachmentsReason),
  output_attachments: ignored(jsonObject.nullish(), attachmentsReason),
})

type RunValues = z.output<typeof runValues>

/** Fields that stay JSON text. */
const payloadShapes: PayloadShapes = [
  ['inputs', /^\{/, 'an object'],
  ['outputs', /^\{/, 'an object'],
  ['extra', /^\{/, 'an object'],
  ['serialized', /^\{/, 'an object'],
  ['events', /^\[/, 'a list'],
]

/**
 * Parses and checks the fields of a run.
 * @param fields the JSON text of each field that is present, without nulls
 * @param id wins over the field; null where there is only the field
 * @throws LangsmithError 422 that names every bad field
 */
export function readRunValues(
  fields: ReadonlyMap<string, JsonText>,
  id: string | null,
  loc: (string | number)[],
): RunValues {
  const usual = readUsualValues(fields, id)
  if (usual !== null) return usual
  return readValues(runValues, payloadShapes, fields, loc, id === null ? {} : { id })
}

/** Returns the value that the schema makes of the text, or undefined where that is for the schema to say. */
type UsualReader = (text: JsonText) => unknown

const usualUuid = /^"[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}"$/

function readUsualUuid(text: JsonText): string | undefined {
  return text.length === 38 && usualUuid.test(text) ? text.slice(1, -1) : undefined
}

function readUsualText(text: JsonText): string | undefined {
  // Escapes are what could make it unfit for the database.
  return text.startsWith('"') && !text.includes('\\') ? text.slice(1, -1) : undefined
}

function readUsualTime(text: JsonText): string | undefined {
  const sent = text.startsWith('"') ? readUsualText(text) : Number(text)
  return sent === undefined ? undefined : (parseTimestamp(sent) ?? undefined)
}

const usualReaders: Readonly<Record<keyof RunValues, UsualReader>> = {
  id: readUsualUuid,
  trace_id: readUsualUuid,
  parent_run_id: readUsualUuid,
  dotted_order: readUsualText,
  session_id: readUsualUuid,
  session_name: (text) => (text.length <= maxNameLength ? readUsualText(text) : undefined),
  name: readUsualText,
  run_type: (text) =>
    runTypes.find((type) => text.length === type.length + 2 && text.startsWith(type, 1)),
  start_time: readUsualTime,
  end_time: readUsualTime,
  tags(text) {
    const tags: unknown = JSON.parse(text)
    return Array.isArray(tags) && tags.every((tag) => typeof tag === 'string')
      ? tags.map(storableText)
      : undefined
  },
  reference_example_id: readUsualUuid,
}

/**
 * Reads what clients usually send, ten times as fast as the schema, which is for everything else and for errors.
 * @returns null when any field is not as usual
 */
function readUsualValues(
  fields: ReadonlyMap<string, JsonText>,
  id: string | null,
): RunValues | null {
  const values: Record<string, unknown> = {}
  for (const [name, text] of fields) {
    if (!Object.hasOwn(usualReaders, name)) continue
    if (name === 'id' && id !== null) continue
    values[name] = usualReaders[name as keyof RunValues](text)
    if (values[name] === undefined) return null
  }
  if (id !== null) {
    values.id = readUsualUuid(`"${id}"`)
    if (values.id === undefined) return null
  }
  const isShaped = payloadShapes.every(([name, opening]) => {
    const text = fields.get(name)
    return text === undefined || opening.test(text)
  })
  return isShaped ? values : null
}
