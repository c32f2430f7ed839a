import { z } from 'zod'
import { objectAnswer, timeAnswer, uuidAnswer } from '../../answer-schemas.ts'
import { attachmentUrlsAnswer } from '../attachments.ts'

/** Example (contracts/langsmith.md 2.4.1). */
export const exampleAnswer = z.object({
  id: uuidAnswer,
  created_at: timeAnswer,
  modified_at: timeAnswer,
  name: z.string(),
  dataset_id: uuidAnswer,
  source_run_id: uuidAnswer.nullable(),
  metadata: objectAnswer,
  inputs: objectAnswer,
  outputs: objectAnswer.nullable(),
  attachment_urls: attachmentUrlsAnswer,
})

export type ExampleAnswer = z.output<typeof exampleAnswer>

/** The fields of an example that a request can select. */
export const exampleFields = exampleAnswer.keyof().options

export type ExampleField = keyof ExampleAnswer

/**
 * Fields that are answered whatever is selected (contracts/langsmith.md 2.4.2): Python's model has no defaults for
 * them, and JavaScript's `evaluate` reads the dataset's version from `modified_at` even when it does not select it.
 */
export const alwaysSelected = {
  id: true,
  dataset_id: true,
  inputs: true,
  created_at: true,
  modified_at: true,
} as const

/** An example of which a request selects fields. */
export const selectedExampleAnswer = exampleAnswer.partial().required(alwaysSelected)

export type SelectedExampleAnswer = z.output<typeof selectedExampleAnswer>

/** How many examples of a dataset were written, and as which version. */
export const writtenAnswer = z.object({
  count: z.int(),
  example_ids: z.array(uuidAnswer),
  as_of: timeAnswer,
})
