import { z } from 'zod'
import {
  anyAnswer,
  objectAnswer,
  raw,
  timeAnswer,
  uuidAnswer,
  wholeAnswer,
} from '../../answer-schemas.ts'

/** DatasetSchemaForUpdate: a dataset without counts (contracts/langsmith.md 2.3.1). */
export const datasetAnswer = z.object({
  id: uuidAnswer,
  tenant_id: uuidAnswer,
  name: z.string(),
  description: z.string().nullable(),
  data_type: z.string(),
  created_at: timeAnswer,
  modified_at: timeAnswer,
  inputs_schema_definition: objectAnswer.nullable(),
  outputs_schema_definition: objectAnswer.nullable(),
  transformations: raw(z.array(anyAnswer)).nullable(),
  externally_managed: z.boolean(),
  metadata: objectAnswer.nullable(),
  baseline_experiment_id: uuidAnswer.nullable(),
})

export type DatasetAnswer = z.output<typeof datasetAnswer>

/** Dataset: with its counts (contracts/langsmith.md 2.3.1). */
export const countedDatasetAnswer = datasetAnswer.extend({
  example_count: wholeAnswer,
  session_count: wholeAnswer,
  last_session_start_time: timeAnswer.nullable(),
})

export type CountedDatasetAnswer = z.output<typeof countedDatasetAnswer>

/** A dataset in a list, whose examples need not be counted. */
export const listedDatasetAnswer = countedDatasetAnswer.extend({
  example_count: wholeAnswer.nullable(),
})

/** DatasetPublicSchema: nothing that identifies the tenant, and no metadata. */
export const publicDatasetAnswer = countedDatasetAnswer.pick({
  id: true,
  name: true,
  description: true,
  data_type: true,
  created_at: true,
  inputs_schema_definition: true,
  outputs_schema_definition: true,
  transformations: true,
  externally_managed: true,
  example_count: true,
})

export type PublicDatasetAnswer = z.output<typeof publicDatasetAnswer>
