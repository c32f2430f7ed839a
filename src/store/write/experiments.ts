import { randomUUID } from 'node:crypto'
import type { JsonText } from '../../domain/entities.ts'
import { experimentId, storableText, type ResolvedId } from '../../domain/ids.ts'
import type { Timestamp } from '../../domain/timestamp.ts'
import { isUniqueViolation } from '../errors.ts'
import type { Db, Queryable } from '../pool.ts'
import type { ExperimentRow } from '../read/experiments/experiment-row.ts'
import { runStatement, type Parameter } from '../statements.ts'
import { tenantLock } from './tenants/tenants.ts'

/** The scope of names that are unique in the whole tenant: those of LangSmith's experiments and of plain projects. */
const tenantScope = '00000000-0000-0000-0000-000000000000'

/** The content of an experiment. Metadata must be fit for `jsonb`; `extra` is JSON text as sent. */
export interface ExperimentContent {
  description?: string | null
  metadata?: JsonText | null
  extra?: JsonText | null
  traceTier?: string | null
  defaultDatasetId?: string | null
  startTime?: Timestamp | null
  endTime?: Timestamp | null
}

export interface NamedExperiment extends ExperimentContent {
  tenantId: string
  /** null: a plain project, whose name is unique in the tenant. */
  datasetId: string | null
  name: string
  /** The id for a new experiment, if no experiment has or had it. Absent: one derived from the name. */
  given?: ResolvedId
  /** For a new experiment only, cut to milliseconds. Absent: now, or as much later as keeps creation times apart. */
  createdAt?: Timestamp | null
  now: Timestamp
}

/**
 * The experiment of that name in the dataset, made when there is none; processes that ask at once get the same row. A
 * description and metadata that are not null replace what an existing one has (architecture.md 8); its id, name and
 * creation time never change. One that LangSmith made, whose reference dataset this is, counts as well.
 */
export async function experimentUpsertByName(
  db: Db,
  experiment: NamedExperiment,
): Promise<ExperimentRow> {
  const { tenantId, datasetId, description = null, metadata = null, now } = experiment
  const names = [{ datasetId, name: storableText(experiment.name) }]
  const existing =
    (await listNamed(db, tenantId, names, false))[0] ??
    (await db.begin(async (transaction) => {
      await tenantLock(transaction, tenantId)
      const [found] = await listNamed(transaction, tenantId, names, false)
      if (found !== undefined) return found
      const [id] = await freeIds(transaction, tenantId, names)
      const chosen = await freeGiven(transaction, tenantId, experiment.given)
      const row = {
        ...experiment,
        ...names[0]!,
        id: id!,
        ...chosen,
        scope: datasetId ?? tenantScope,
      }
      return (await insertMany(transaction, tenantId, [row], now))[0]!
    }))
  if (description === null && metadata === null) return existing
  const [updated] = await runStatement<ExperimentRow>(db, 'experiment_update_described', [
    tenantId,
    existing.id,
    description,
    metadata,
    now,
  ])
  return updated ?? existing
}

/**
 * Returns the ids of the experiments that runs were sent to by name. Any experiment of that name in the tenant will
 * do: one with a tenant-wide name first, then the newest. Where there is none, a plain project is made.
 * @returns one entry per distinct name
 */
export async function experimentResolveNames(
  db: Db,
  tenantId: string,
  names: string[],
  now: Timestamp,
): Promise<Map<string, string>> {
  const ids = new Map<string, string>()
  const asked = [...new Set(names.map(storableText))].map((name) => ({ datasetId: null, name }))
  for (const row of await listNamed(db, tenantId, asked, true)) ids.set(row.name, row.id)
  const missing = asked.filter(({ name }) => !ids.has(name))
  if (missing.length > 0) {
    const made = await db.begin(async (transaction) => {
      await tenantLock(transaction, tenantId)
      const found = await listNamed(transaction, tenantId, missing, true)
      const known = new Set(found.map((row) => row.name))
      const absent = missing.filter(({ name }) => !known.has(name))
      const free = await freeIds(transaction, tenantId, absent)
      const rows = absent.map((one, i) => ({ ...one, id: free[i]!, scope: tenantScope }))
      return [...found, ...(await insertMany(transaction, tenantId, rows, now))]
    })
    for (const row of made) ids.set(row.name, row.id)
  }
  return new Map(names.map((name) => [name, ids.get(storableText(name))!]))
}

export interface NewExperiment extends ExperimentContent {
  tenantId: string
  /** null: a random one. */
  id: string | null
  datasetId: string | null
  name: string
  now: Timestamp
}

/**
 * Makes an experiment whose name is unique in the tenant.
 * @param isUpsert changes an experiment that has this name, as experimentUpdate does
 * @returns null when the name is taken, or the id is or was in use
 */
export async function experimentInsert(
  db: Db,
  experiment: NewExperiment,
  isUpsert: boolean,
): Promise<ExperimentRow | null> {
  return db.begin(async (transaction) => experimentInsertWithin(transaction, experiment, isUpsert))
}

/** Makes an experiment inside the caller's transaction; see `experimentInsert`. */
export async function experimentInsertWithin(
  transaction: Queryable,
  experiment: NewExperiment,
  isUpsert: boolean,
): Promise<ExperimentRow | null> {
  const { tenantId, now } = experiment
  const id = experiment.id ?? randomUUID()
  const name = storableText(experiment.name)
  await tenantLock(transaction, tenantId)
  const [found] = await listNamed(transaction, tenantId, [{ datasetId: null, name }], true)
  if (found !== undefined) {
    return isUpsert ? updateRow(transaction, { ...experiment, id: found.id }) : null
  }
  if ((await listTakenIds(transaction, tenantId, [id])).size > 0) return null
  const row = { ...experiment, id, name, scope: tenantScope }
  return (await insertMany(transaction, tenantId, [row], now))[0] ?? null
}

export interface ExperimentChange extends ExperimentContent {
  tenantId: string
  id: string
  name?: string | null
  now: Timestamp
}

/**
 * Changes what is given; null keeps what is stored (contracts/langsmith.md 5.6).
 * @returns null when there is no experiment of this id, `conflict` when the name is taken
 */
export async function experimentUpdate(
  db: Db,
  change: ExperimentChange,
): Promise<ExperimentRow | 'conflict' | null> {
  const { tenantId, id } = change
  try {
    return await db.begin(async (transaction) => {
      if (change.name !== undefined && change.name !== null) {
        await tenantLock(transaction, tenantId)
        const name = storableText(change.name)
        const [other] = await listNamed(transaction, tenantId, [{ datasetId: null, name }], true)
        if (other !== undefined && other.id !== id) return 'conflict'
      }
      return updateRow(transaction, change)
    })
  } catch (error) {
    if (isUniqueViolation(error)) return 'conflict'
    throw error
  }
}

/**
 * Deletes experiments. They and all that is in them are gone at once for every reader, late events do not bring them
 * back, and their names are free. The caller nudges the purge queue for each.
 * @param keepsScores feedback on the experiments themselves (not on their runs) stays, and may still come
 * @returns the ids of those that existed
 */
export async function experimentDeleteMany(
  db: Queryable,
  tenantId: string,
  ids: string[],
  now: Timestamp,
  { keepsScores = false }: { keepsScores?: boolean } = {},
): Promise<string[]> {
  if (ids.length === 0) return []
  const rows = await runStatement<{ id: string }>(db, 'experiment_delete_many', [
    tenantId,
    ids,
    now,
    keepsScores,
  ])
  return rows.map((row) => row.id)
}

async function updateRow(
  db: Queryable,
  change: ExperimentChange & { datasetId?: string | null },
): Promise<ExperimentRow | null> {
  const [row] = await runStatement<ExperimentRow>(db, 'experiment_update', [
    change.tenantId,
    change.id,
    typeof change.name === 'string' ? storableText(change.name) : null,
    change.description ?? null,
    change.metadata ?? null,
    change.extra ?? null,
    change.traceTier ?? null,
    change.defaultDatasetId ?? null,
    change.startTime ?? null,
    change.endTime ?? null,
    change.datasetId ?? null,
    change.now,
  ])
  return row ?? null
}

interface Name {
  datasetId: string | null
  name: string
}

async function listNamed(
  db: Queryable,
  tenantId: string,
  names: Name[],
  isAnyDataset: boolean,
): Promise<ExperimentRow[]> {
  if (names.length === 0) return []
  return runStatement<ExperimentRow>(db, 'experiment_list_named', [
    tenantId,
    names.map((one) => one.datasetId),
    names.map((one) => one.name),
    isAnyDataset,
  ])
}

/**
 * Ids derived from the names, salted with the number of their deletions (architecture.md 4.3). A rename can leave an id
 * in use under another name, or dead: then the salt goes on counting.
 */
async function freeIds(db: Queryable, tenantId: string, names: Name[]): Promise<string[]> {
  if (names.length === 0) return []
  const salts = await runStatement<{ deletions: number }>(db, 'experiment_count_deletions', [
    tenantId,
    names.map((one) => one.datasetId),
    names.map((one) => one.name),
  ])
  for (;;) {
    const ids = names.map((one, i) => experimentId(one.datasetId, one.name, salts[i]!.deletions))
    const taken = await listTakenIds(db, tenantId, ids)
    if (taken.size === 0) return ids
    for (const [i, id] of ids.entries()) if (taken.has(id)) salts[i]!.deletions++
  }
}

/** Returns the id that a client chose; null when it chose none, or an experiment has or had it. */
async function freeGiven(
  db: Queryable,
  tenantId: string,
  given: ResolvedId | undefined,
): Promise<ResolvedId | null> {
  if (given === undefined) return null
  return (await listTakenIds(db, tenantId, [given.id])).size === 0 ? given : null
}

/** Returns those of the ids that an experiment has or had. */
async function listTakenIds(db: Queryable, tenantId: string, ids: string[]): Promise<Set<string>> {
  const rows = await runStatement<{ id: string }>(db, 'experiment_list_taken_ids', [tenantId, ids])
  return new Set(rows.map((row) => row.id))
}

interface InsertedExperiment extends ExperimentContent, Name {
  id: string
  externalId?: string | null
  scope: string
  createdAt?: Timestamp | null
}

async function insertMany(
  db: Queryable,
  tenantId: string,
  rows: InsertedExperiment[],
  now: Timestamp,
): Promise<ExperimentRow[]> {
  if (rows.length === 0) return []
  const columns: (string | null)[][] = [
    rows.map((row) => row.id),
    rows.map((row) => row.datasetId),
    rows.map((row) => row.name),
    rows.map((row) => row.scope),
    rows.map((row) => row.description ?? null),
    rows.map((row) => row.metadata ?? null),
    rows.map((row) => row.extra ?? null),
    rows.map((row) => row.traceTier ?? null),
    rows.map((row) => row.defaultDatasetId ?? null),
    rows.map((row) => row.startTime ?? null),
    rows.map((row) => row.endTime ?? null),
    rows.map((row) => row.createdAt ?? null),
    rows.map((row) => row.externalId ?? null),
  ]
  const parameters: Parameter[] = [tenantId, now, ...columns]
  return runStatement<ExperimentRow>(db, 'experiment_insert_many', parameters)
}
