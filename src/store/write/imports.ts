import type { JsonText } from '../../domain/entities.ts'
import type { ResolvedId } from '../../domain/ids.ts'
import type { Timestamp } from '../../domain/timestamp.ts'
import { isUniqueViolation } from '../errors.ts'
import type { Db, Queryable } from '../pool.ts'
import type { Example } from '../read/datasets/example.ts'
import type { FeedbackConfigRow } from '../read/feedback/feedback-configs.ts'
import type { ScoreConfigRow } from '../read/feedback/score-configs.ts'
import { runStatement } from '../statements.ts'
import { datasetLock, type NewDataset } from './datasets.ts'
import type { NamedExperiment } from './experiments.ts'
import { tenantLock } from './tenants/tenants.ts'

/*
 * Writes of what another server has, under the ids and with the times that it has there. All are repeatable.
 */

/** A dataset of another server. Metadata must be fit for `jsonb`. */
export interface ImportedDataset extends Required<NewDataset> {
  /** undefined: it stays as it is. */
  baselineExperimentId: string | null | undefined
  createdAt: Timestamp
  updatedAt: Timestamp
}

/** @returns false when another dataset has the name */
export async function datasetImport(
  db: Db,
  tenantId: string,
  dataset: ImportedDataset,
): Promise<boolean> {
  const isWritten = await unlessTaken(async () =>
    db.begin(async (transaction) => {
      await tenantLock(transaction, tenantId)
      await runStatement(transaction, 'dataset_import', [
        tenantId,
        dataset.id,
        dataset.externalId,
        dataset.name,
        dataset.description,
        dataset.dataType,
        dataset.metadata,
        dataset.inputsSchema,
        dataset.outputsSchema,
        dataset.transformations,
        dataset.externallyManaged,
        dataset.baselineExperimentId ?? null,
        dataset.createdAt,
        dataset.updatedAt,
        dataset.baselineExperimentId !== undefined,
      ])
      return true
    }),
  )
  return isWritten ?? false
}

/** An experiment of another server. Metadata must be fit for `jsonb`. */
export interface ImportedExperiment
  extends ResolvedId,
    Required<Omit<NamedExperiment, 'tenantId' | 'given' | 'now'>> {
  /** Whether its name is unique in the whole tenant, or within its dataset; without one, others may have it too. */
  isNamedInTenant: boolean
  metadata: JsonText
  startTime: Timestamp
  createdAt: Timestamp
  updatedAt: Timestamp
}

/** The scope of names that are unique in the whole tenant. */
const tenantScope = '00000000-0000-0000-0000-000000000000'

/** @returns false when one of that id was deleted here, null when another experiment has the name */
export async function experimentImport(
  db: Db,
  tenantId: string,
  experiment: ImportedExperiment,
): Promise<boolean | null> {
  const { id, datasetId, isNamedInTenant } = experiment
  return unlessTaken(async () =>
    db.begin(async (transaction) => {
      await tenantLock(transaction, tenantId)
      const written = await runStatement(transaction, 'experiment_import', [
        tenantId,
        id,
        experiment.externalId,
        datasetId,
        experiment.name,
        isNamedInTenant ? tenantScope : (datasetId ?? id),
        experiment.description ?? null,
        experiment.metadata,
        experiment.extra ?? null,
        experiment.traceTier ?? null,
        experiment.defaultDatasetId ?? null,
        experiment.startTime,
        experiment.endTime ?? null,
        experiment.createdAt,
        experiment.updatedAt,
      ])
      return written.length > 0
    }),
  )
}

/** @returns what `write` returns; null when the name is taken */
async function unlessTaken(write: () => Promise<boolean>): Promise<boolean | null> {
  try {
    return await write()
  } catch (error) {
    if (isUniqueViolation(error)) return null
    throw error
  }
}

/** A version of an example on another server. */
export interface ImportedVersion extends Omit<Example, 'datasetId'> {
  /** null: it is the current one. */
  validTo: Timestamp | null
}

/** When a version began and ended. */
interface Span {
  id: string
  datasetId: string
  validFrom: Timestamp
  validTo: Timestamp | null
}

/**
 * Adds versions of examples to a dataset, in any order. What a version holds never changes, so one that is there stays as
 * it is. A version ends when it is said to, or when the next one of its example begins, whichever is first. One that has
 * ended stays ended, so what was deleted here comes back only with a version that is newer than the deletion.
 * @returns null when there is no such dataset, otherwise the ids that another dataset has now or had at the time of a
 * version, of which nothing is written
 */
export async function exampleImportVersions(
  db: Db,
  tenantId: string,
  datasetId: string,
  given: readonly ImportedVersion[],
): Promise<string[] | null> {
  const attempt = async () =>
    db.begin(async (transaction) => importVersionsWithin(transaction, tenantId, datasetId, given))
  try {
    return await attempt()
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    // Another dataset took one of the ids meanwhile. Now it is seen.
    return attempt()
  }
}

async function importVersionsWithin(
  transaction: Queryable,
  tenantId: string,
  datasetId: string,
  given: readonly ImportedVersion[],
): Promise<string[] | null> {
  if ((await datasetLock(transaction, tenantId, datasetId)) === null) return null
  const ids = [...new Set(given.map(({ id }) => id))]
  const spans = await runStatement<Span>(transaction, 'example_list_spans', [tenantId, ids])
  const own = spans.filter((span) => span.datasetId === datasetId)
  const stored = new Set(own.map(keyOf))
  const wanted = new Set(given.map(keyOf))
  const elsewhere = spans.filter(
    (span) => span.datasetId !== datasetId && (span.validTo === null || wanted.has(keyOf(span))),
  )
  const taken = new Set(elsewhere.map(({ id }) => id))
  const rows = given.filter(({ id }) => !taken.has(id))
  const ends = endsOf(own, rows)
  const endOf: EndOf = (version) => ends.get(keyOf(version)) ?? null
  const moved = own.filter((span) => endOf(span) !== span.validTo)
  // Before the insert: an example has one current version.
  await updateEnds(transaction, tenantId, datasetId, moved, endOf)
  const added = new Map(rows.map((row) => [keyOf(row), row]))
  for (const key of stored) added.delete(key)
  await insertVersions(transaction, tenantId, datasetId, [...added.values()], endOf)
  const times = rows.flatMap(({ validFrom, validTo }) => [validFrom, validTo ?? validFrom])
  const newest = times.toSorted().at(-1)
  if (newest !== undefined) {
    await runStatement(transaction, 'dataset_update_imported_version', [
      tenantId,
      datasetId,
      newest,
    ])
  }
  return [...taken]
}

function keyOf({ id, validFrom }: Pick<Span, 'id' | 'validFrom'>): string {
  return `${id} ${validFrom}`
}

/** The end of each version, by `keyOf`: the first that is told, but not after the next version of the example begins. */
function endsOf(
  stored: readonly Span[],
  given: readonly ImportedVersion[],
): Map<string, Timestamp | null> {
  const told = new Map<string, Pick<Span, 'id' | 'validFrom' | 'validTo'>>()
  for (const span of [...stored, ...given]) {
    const before = told.get(keyOf(span))?.validTo ?? null
    const { id, validFrom } = span
    told.set(keyOf(span), { id, validFrom, validTo: firstOf([before, span.validTo]) })
  }
  const begins = new Map<string, Timestamp[]>()
  for (const { id, validFrom } of told.values()) {
    begins.set(id, [...(begins.get(id) ?? []), validFrom])
  }
  const ends = new Map<string, Timestamp | null>()
  for (const [key, { id, validFrom, validTo }] of told) {
    const later = begins.get(id)!.filter((begin) => begin > validFrom)
    ends.set(key, firstOf([...later, validTo]))
  }
  return ends
}

function firstOf(times: readonly (Timestamp | null)[]): Timestamp | null {
  return times.filter((time) => time !== null).toSorted()[0] ?? null
}

type EndOf = (version: Pick<Span, 'id' | 'validFrom'>) => Timestamp | null

async function updateEnds(
  transaction: Queryable,
  tenantId: string,
  datasetId: string,
  spans: readonly Span[],
  endOf: EndOf,
): Promise<void> {
  if (spans.length === 0) return
  await runStatement(transaction, 'example_update_ends', [
    tenantId,
    datasetId,
    spans.map(({ id }) => id),
    spans.map(({ validFrom }) => validFrom),
    spans.map((span) => endOf(span) ?? 'infinity'),
  ])
}

async function insertVersions(
  transaction: Queryable,
  tenantId: string,
  datasetId: string,
  rows: readonly ImportedVersion[],
  endOf: EndOf,
): Promise<void> {
  await runStatement(transaction, 'example_import_many', [
    tenantId,
    datasetId,
    rows.map((row) => row.id),
    rows.map((row) => row.externalId),
    rows.map((row) => row.validFrom),
    rows.map((row) => endOf(row) ?? 'infinity'),
    rows.map((row) => row.createdAt),
    rows.map((row) => row.inputs),
    rows.map((row) => row.outputs),
    rows.map((row) => row.metadata),
    rows.map((row) => JSON.stringify(row.splits)),
    rows.map((row) => String(row.archived)),
    rows.map((row) => row.sourceTraceId),
    rows.map((row) => row.externalSourceTraceId),
    rows.map((row) => row.sourceRunId),
    rows.map((row) => row.externalSourceRunId),
    rows.map((row) => row.ordinal),
    rows.map((row) => row.attachments),
  ])
}

export async function scoreConfigImport(
  db: Queryable,
  tenantId: string,
  config: ScoreConfigRow,
): Promise<void> {
  await runStatement(db, 'score_config_import', [
    tenantId,
    config.id,
    config.externalId,
    config.name,
    config.dataType,
    config.isArchived,
    config.description,
    config.minValue,
    config.maxValue,
    config.categories.length === 0 ? null : JSON.stringify(config.categories),
    config.createdAt,
    config.updatedAt,
  ])
}

export async function feedbackConfigImport(
  db: Queryable,
  tenantId: string,
  { key, config, isLowerScoreBetter, isEnforced, updatedAt }: FeedbackConfigRow,
): Promise<void> {
  await runStatement(db, 'feedback_config_import', [
    tenantId,
    key,
    config,
    isLowerScoreBetter,
    isEnforced,
    updatedAt,
  ])
}
