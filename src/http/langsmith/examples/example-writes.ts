import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import {
  AttachmentOperationsError,
  attachmentsText,
  readAttachments,
  updateAttachments,
  type Attachment,
} from '../../../domain/attachments.ts'
import type { JsonText } from '../../../domain/entities.ts'
import { storableText } from '../../../domain/ids.ts'
import { jsonbText, sliceMembers } from '../../../domain/json.ts'
import { parseTimestamp } from '../../../domain/timestamp.ts'
import type { Db } from '../../../store/pool.ts'
import type { Example } from '../../../store/read/datasets/example.ts'
import { runFind } from '../../../store/read/runs/runs.ts'
import {
  exampleWriteVersions,
  type ExamplePlan,
  type ExampleVersion,
} from '../../../store/write/examples.ts'
import type { Services } from '../../services.ts'
import { attachmentsOperations, readOperations } from '../attachments.ts'
import { invalid, LangsmithError, notFound } from '../errors.ts'
import { assertExampleFits, type ExampleSchemas } from './example-schemas.ts'
import { joinMembers, textOf } from '../object-text.ts'
import { ignored, jsonObject, names, text, time, uuid } from '../schemas.ts'

/** Body of a create (contracts/langsmith.md 2.4.4). */
export const exampleCreate = z.object({
  dataset_id: uuid,
  inputs: jsonObject.nullish(),
  outputs: jsonObject.nullish(),
  metadata: jsonObject.nullish(),
  split: names.nullish(),
  id: uuid.nullish(),
  created_at: time.nullish(),
  source_run_id: uuid.nullish(),
  use_source_run_io: z.boolean().nullish(),
  use_source_run_attachments: z.array(text).nullish(),
  use_legacy_message_format: ignored(z.boolean().nullish(), 'messages are kept as they were sent'),
})

/** Body of an update. A null field is left as it is, or cleared with `overwrite` (contracts/langsmith.md 2.4.4). */
export const exampleUpdate = z.object({
  dataset_id: uuid.nullish(),
  inputs: jsonObject.nullish(),
  outputs: jsonObject.nullish(),
  metadata: jsonObject.nullish(),
  split: names.nullish(),
  attachments_operations: attachmentsOperations.nullish(),
  overwrite: z
    .boolean()
    .nullish()
    .describe('true: inputs, outputs, metadata and split that are null are cleared, not left'),
})

/** A create whose values `exampleCreate` has checked. */
export interface ExampleCreate {
  /** The JSON text of each field. */
  members: ReadonlyMap<string, JsonText>
  /** Attachments that came with the request. */
  attachments?: readonly Attachment[]
  /** Where the example is in the request, for error messages. */
  loc: (string | number)[]
}

/**
 * Makes examples in one dataset, all or none.
 * @throws LangsmithError 404 when there is no such dataset, 409 when an id is taken, 422 when an example breaks the
 * dataset's schemas
 */
export async function createExamples(
  { db, clock }: Pick<Services, 'db' | 'clock'>,
  tenantId: string,
  datasetId: string,
  creates: ExampleCreate[],
): Promise<Example[]> {
  const versions: ExampleVersion[] = []
  for (const create of creates)
    versions.push(await withSourceRun(db, tenantId, newVersion(create), create))
  const ids = versions.map((version) => version.id)
  if (new Set(ids).size < ids.length) throw taken()
  const made = await exampleWriteVersions(
    db,
    { tenantId, datasetId, ids, now: clock.now() },
    (dataset, current) => {
      if (current.size > 0) throw taken()
      for (const [i, version] of versions.entries()) {
        assertExampleFits(dataset, version, creates[i]!.loc)
      }
      return versions
    },
  )
  if (made === null) throw notFound('Dataset')
  return made
}

/**
 * Copies from the run that an example comes from: with `use_source_run_io` its inputs, its outputs and all its
 * attachments, otherwise the attachments that `use_source_run_attachments` names. Attachments that came with the request
 * are dropped where any are copied (contracts/langsmith.md 2.4.3).
 * @throws LangsmithError 404 when there is no such run, 422 when it has no such attachment
 */
async function withSourceRun(
  db: Db,
  tenantId: string,
  version: ExampleVersion,
  { members, loc }: ExampleCreate,
): Promise<ExampleVersion> {
  const isWanted = parsed(members, 'use_source_run_io') === true
  const names = (parsed(members, 'use_source_run_attachments') as string[] | null) ?? []
  if ((!isWanted && names.length === 0) || version.sourceRunId === null) return version
  const run = await runFind(db, tenantId, version.sourceRunId)
  if (run === null) throw notFound('Run')
  const ofRun = readAttachments(run.attachments)
  if (isWanted) {
    const attachments = attachmentsText(ofRun) ?? version.attachments ?? null
    return { ...version, inputs: run.inputs ?? '{}', outputs: run.outputs, attachments }
  }
  const named = new Map<string, Attachment>()
  for (const name of names.map(storableText)) {
    const found = ofRun.find((attachment) => attachment.name === name)
    if (found === undefined) {
      const message = `The run has no attachment ${JSON.stringify(name.slice(0, 200))}`
      throw invalid([...loc, 'use_source_run_attachments'], message)
    }
    named.set(name, found)
  }
  return { ...version, attachments: attachmentsText([...named.values()]) }
}

/** An update whose values `exampleUpdate` has checked. */
export interface ExampleUpdate extends ExampleCreate {
  id: string
}

/**
 * Changes examples of one dataset, all or none, as one version. An id that comes twice is changed twice, in order.
 * @throws LangsmithError as `planUpdates`
 */
export async function updateExamples(
  { db, clock }: Pick<Services, 'db' | 'clock'>,
  tenantId: string,
  datasetId: string,
  updates: ExampleUpdate[],
): Promise<Example[]> {
  const write = { tenantId, datasetId, ids: idsOf(updates), now: clock.now() }
  const written = await exampleWriteVersions(db, write, planUpdates(datasetId, updates))
  if (written === null) throw notFound('Dataset')
  return written
}

/** The ids of all examples that the updates name, without repetitions. */
export function idsOf(updates: ExampleUpdate[]): string[] {
  return [...new Set(updates.map(({ id }) => id))]
}

/**
 * Plans the new versions that updates make of the current ones.
 * @param schemas replace the dataset's own in the check
 * @throws LangsmithError 404 for an unknown example, 409 for one of another dataset, 422 for one that breaks the
 * schemas
 */
export function planUpdates(
  datasetId: string,
  updates: ExampleUpdate[],
  schemas?: ExampleSchemas,
): ExamplePlan {
  return (dataset, current) => {
    const versions = new Map<string, ExampleVersion>()
    for (const update of updates) {
      const { id, loc } = update
      const before = versions.get(id) ?? current.get(id)
      if (before === undefined || before.archived) throw notFound('Example')
      if (current.get(id)!.datasetId !== datasetId) throw elsewhere()
      const next = nextVersion(before, update)
      assertExampleFits(schemas ?? dataset, next, loc)
      versions.set(id, next)
    }
    return [...versions.values()]
  }
}

/** The error for an example that is not in the dataset the request names. */
export function elsewhere(): LangsmithError {
  return new LangsmithError(409, 'Example belongs to another dataset')
}

function taken(): LangsmithError {
  return new LangsmithError(409, 'Example with this id already exists.')
}

export const baseSplits = ['base']

export function newVersion({ members, attachments = [] }: ExampleCreate): ExampleVersion {
  const { metadata, splits } = readMetadata(members)
  return {
    id: (parsed(members, 'id') as string | null)?.toLowerCase() ?? randomUUID(),
    externalId: null,
    inputs: textOf(members.get('inputs')) ?? '{}',
    outputs: textOf(members.get('outputs')),
    metadata,
    splits: readSplits(members) ?? splits ?? baseSplits,
    archived: false,
    sourceTraceId: null,
    externalSourceTraceId: null,
    sourceRunId: (parsed(members, 'source_run_id') as string | null)?.toLowerCase() ?? null,
    externalSourceRunId: null,
    createdAt: parseTimestamp((parsed(members, 'created_at') as string | number | null) ?? ''),
    attachments: attachmentsText(attachments),
  }
}

/**
 * The version after an update. Objects are replaced as a whole, except that only `split` changes the splits and
 * `dataset_split` in the metadata does not (contracts/langsmith.md 2.4.3). With `overwrite`, a null field gets the
 * value it would have in a new example. An absent field stays as it is.
 */
export function nextVersion(before: ExampleVersion, update: ExampleUpdate): ExampleVersion {
  const { members } = update
  const isOverwrite = members.get('overwrite') === 'true'
  const clears = (name: string) => isOverwrite && members.get(name) === 'null'
  return {
    id: before.id,
    externalId: before.externalId,
    inputs: textOf(members.get('inputs')) ?? (clears('inputs') ? '{}' : before.inputs),
    outputs: textOf(members.get('outputs')) ?? (clears('outputs') ? null : before.outputs),
    metadata: readMetadata(members).metadata ?? (clears('metadata') ? null : before.metadata),
    splits: readSplits(members) ?? (clears('split') ? baseSplits : before.splits),
    archived: before.archived,
    sourceTraceId: before.sourceTraceId,
    externalSourceTraceId: before.externalSourceTraceId,
    sourceRunId: before.sourceRunId,
    externalSourceRunId: before.externalSourceRunId,
    attachments: nextAttachments(before.attachments ?? null, update),
  }
}

/** @throws LangsmithError 422 for operations that contradict each other or name an unknown attachment */
function nextAttachments(
  stored: JsonText | null,
  { members, attachments = [], loc }: ExampleUpdate,
): JsonText | null {
  const given = textOf(members.get('attachments_operations'))
  if (given === null && attachments.length === 0) return stored
  try {
    const operations = given === null ? null : readOperations(given)
    return attachmentsText(updateAttachments(readAttachments(stored), operations, attachments))
  } catch (error) {
    if (!(error instanceof AttachmentOperationsError)) throw error
    throw invalid([...loc, 'attachments_operations'], error.message)
  }
}

/** Splits the metadata from `dataset_split`, which clients send back in it. */
function readMetadata(members: ReadonlyMap<string, JsonText>): {
  metadata: JsonText | null
  splits: string[] | null
} {
  const text = textOf(members.get('metadata'))
  if (text === null) return { metadata: null, splits: null }
  const own = sliceMembers(text)
  const given = names.safeParse(parsed(own, 'dataset_split'))
  own.delete('dataset_split')
  return {
    metadata: jsonbText(joinMembers(own)),
    splits: given.success && given.data.length > 0 ? given.data : null,
  }
}

function readSplits(members: ReadonlyMap<string, JsonText>): string[] | null {
  const value = parsed(members, 'split') as string | string[] | null
  if (value === null) return null
  const splits = [...new Set([value].flat().map(storableText))]
  return splits.length === 0 ? baseSplits : splits
}

/** The value of a member; null when it is absent. */
function parsed(members: ReadonlyMap<string, JsonText>, name: string): unknown {
  return JSON.parse(members.get(name) ?? 'null') as unknown
}
