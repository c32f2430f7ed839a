import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Config, ConfigError, readConfig } from './config.ts'
import { EmbeddedPostgresError } from './embedded/errors.ts'
import { createEmbeddedPostgres, findRunningUrl } from './embedded/postgres.ts'
import { codeOf, describeError } from './reduced-error.ts'
import { closePool, openPool, type Db } from './store/pool.ts'
import { tenantList } from './store/write/tenants/tenants.ts'

/*
 * What the commands of an operator share (`runmill keys`, `runmill tenants`, `npm run prices`).
 */

/** Thrown when a command cannot be done as it was given. The message is for the operator. */
export class UsageError extends Error {
  override name = 'UsageError'
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
 * @throws UsageError
 */
export async function chooseTenant(db: Db, wanted: string | undefined): Promise<string> {
  const tenants = await tenantList(db)
  const found = tenants.filter(
    ({ id, name }) => wanted === undefined || [id, name].includes(wanted),
  )
  if (found.length === 1) return found[0]!.id
  const names = tenants.map(({ id, name }) => `${id} (${name})`).join(', ')
  throw new UsageError(
    tenants.length === 0
      ? 'There is no tenant yet: run npm start first.'
      : `Choose a tenant with --tenant: ${names}.`,
  )
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
  const db = openPool(runningUrl ?? (await embedded.start()), { max: 1 })
  try {
    return await use(db)
  } catch (error) {
    // A table or column that there is not.
    if (!['42P01', '42703'].includes(codeOf(error))) throw error
    throw new UsageError(
      'The database is not of this version yet: start a server of this version, which brings it up to date.',
      { cause: error },
    )
  } finally {
    await closePool(db)
    await embedded.stop()
  }
}
