import type { JsonText } from '../../../domain/entities.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Queryable } from '../../pool.ts'
import { runStatement } from '../../statements.ts'

/** One version of an example. */
export interface Example {
  id: string
  /** The client's spelling of the id; null when the client sent the id itself. */
  externalId: string | null
  datasetId: string
  /** The time of this version, in whole milliseconds: Langfuse's createdAt and updatedAt, LangSmith's modified_at. */
  validFrom: Timestamp
  /** When the example was first made: LangSmith's created_at. */
  createdAt: Timestamp
  /** The position within the request that made this version. */
  ordinal: number
  inputs: JsonText | null
  outputs: JsonText | null
  metadata: JsonText | null
  splits: string[]
  archived: boolean
  sourceTraceId: string | null
  externalSourceTraceId: string | null
  sourceRunId: string | null
  externalSourceRunId: string | null
  /** See `readAttachments`; null when there are none. */
  attachments: JsonText | null
}

/**
 * Which state of a dataset to read. A time means the state at that time, which includes changes made exactly then. A
 * tag means the version that it names in each dataset; a dataset without such a tag counts as empty. Null means the
 * latest state.
 */
export type ExampleMoment = Timestamp | { tag: string } | null

/** @returns null when there was no such example at that moment */
export async function exampleFind(
  db: Queryable,
  tenantId: string,
  id: string,
  asOf: ExampleMoment,
): Promise<Example | null> {
  const [example] = await find(db, tenantId, id, asOf)
  return example ?? null
}

async function find(
  db: Queryable,
  tenantId: string,
  id: string,
  asOf: ExampleMoment,
): Promise<Example[]> {
  if (asOf === null) return runStatement<Example>(db, 'example_find', [tenantId, id])
  return typeof asOf === 'string'
    ? runStatement<Example>(db, 'example_find_as_of', [tenantId, id, asOf])
    : runStatement<Example>(db, 'example_find_tagged', [tenantId, id, asOf.tag])
}
