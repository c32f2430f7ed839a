import { z } from 'zod'
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
