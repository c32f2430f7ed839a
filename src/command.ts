import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Config, ConfigError, readConfig } from './config.ts'
import { systemClock } from './domain/clock.ts'
import { type KeyPair, makeKeyPair } from './domain/keys.ts'
import { EmbeddedPostgresError } from './embedded/errors.ts'
import { createEmbeddedPostgres, findRunningUrl } from './embedded/postgres.ts'
import { codeOf, describeError } from './reduced-error.ts'
import { adaptStatements } from './store/adapt.ts'
import { closePool, openPool, type Db } from './store/pool.ts'
import { findPooler } from './store/pooler.ts'
import { allScopes, apiKeyUpsert } from './store/write/keys.ts'
import { type ListedTenant, tenantList } from './store/write/tenants/tenants.ts'

/*
 * What the commands of an operator share (`runmill keys`, `runmill tenants`, `npm run prices`).
 */

/** Thrown when a command cannot be done as it was given. The message is for the operator. */
export class UsageError extends Error {
  override name = 'UsageError'
}

/** Thrown when a command names a tenant that there is not, or that it cannot be done with. The message is for the operator. */
export class TenantError extends UsageError {
  override name = 'TenantError'
}

/** Does a command with the database. When it fails, says why, and makes the process end with 1. */
export async function runCommand(use: (db: Db) => Promise<void>): Promise<void> {
  try {
    await withDatabase(readConfig(), use)
  } catch (error) {
    const known = [UsageError, ConfigError, EmbeddedPostgresError].some(
      (kind) => error instanceof kind,
    )
    console.error(
      known && error instanceof Error ? `runmill: ${error.message}` : describeError(error),
    )
    process.exitCode = 1
  }
}

/**
 * Finds the tenant that a command is about.
 * @param wanted its id or name; undefined when there is only one
 * @throws TenantError when there is no such tenant
 * @throws UsageError when it has to be named
 */
export async function chooseTenant(db: Db, wanted: string | undefined): Promise<ListedTenant> {
  if (wanted !== undefined) return findTenant(db, wanted)
  const tenants = await tenantList(db)
  if (tenants.length === 1) return tenants[0]!
  const names = tenants.map(({ id, name }) => `${id} (${name})`).join(', ')
  throw new UsageError(
    tenants.length === 0
      ? 'There is no tenant yet: run npm start first.'
      : `Choose a tenant with --tenant: ${names}.`,
  )
}

/** Finds a tenant by its id or name. @throws TenantError when there is none, or several have the name */
export async function findTenant(db: Db, given: string): Promise<ListedTenant> {
  const found = (await tenantList(db)).filter(({ id, name }) => [id, name].includes(given))
  if (found.length === 1) return found[0]!
  const problem = found.length === 0 ? 'There is no tenant' : 'Several tenants are named'
  throw new TenantError(`${problem} ${given}: runmill tenants list shows them.`)
}

/** Makes a key pair for a tenant. @throws TenantError when the tenant is being deleted */
export async function createKeys(
  db: Db,
  tenantId: string,
  { note, scopes = allScopes }: { note: string | null; scopes?: readonly string[] },
): Promise<KeyPair> {
  const pair = makeKeyPair()
  if (await apiKeyUpsert(db, tenantId, pair, note, systemClock.now(), scopes)) return pair
  throw new TenantError(`Tenant ${tenantId} is being deleted, and gets no more keys.`)
}

/**
 * Opens the configured database or, if none is configured, the embedded one: that of the running server, or one started
 * for this command.
 * @throws UsageError when there is no data yet, or its schema is older than this version
 */
export async function withDatabase<Result>(
  { databaseUrl, dataDir }: Config,
  use: (db: Db) => Promise<Result>,
): Promise<Result> {
  const runningUrl = databaseUrl ?? (await findRunningUrl(dataDir))
  if (runningUrl === null && !existsSync(join(dataDir, 'postgres'))) {
    throw new UsageError(
      `There is no data in ${dataDir} yet: run npm start first, or set DATABASE_URL.`,
    )
  }
  const embedded = createEmbeddedPostgres({ dataDir })
  let db: Db | undefined
  try {
    const url = runningUrl ?? (await embedded.start())
    db = openPool(url, { max: 1, pooler: await findPooler(url) })
    await adaptStatements(db)
    return await use(db)
  } catch (error) {
    // A table or column that there is not.
    if (!['42P01', '42703'].includes(codeOf(error))) throw error
    throw new UsageError(
      'The database is not of this version yet: start a server of this version, which brings it up to date.',
      { cause: error },
    )
  } finally {
    if (db !== undefined) await closePool(db)
    await embedded.stop()
  }
}
