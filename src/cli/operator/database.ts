import { TenantError, UsageError, withDatabase } from '../../command.ts'
import { type Config, ConfigError, readConfig } from '../../config.ts'
import { EmbeddedPostgresError } from '../../embedded/errors.ts'
import { describeError } from '../../reduced-error.ts'
import { StartError } from '../../start-error.ts'
import { isRetryable } from '../../store/errors.ts'
import type { Db } from '../../store/pool.ts'
import { CliError, exitCodes } from '../exit.ts'

/**
 * Does a command of an operator with the database that the settings name, whether or not a server is running.
 * @throws CliError
 */
export async function useDatabase<Result>(
  env: NodeJS.ProcessEnv,
  use: (db: Db, config: Config) => Promise<Result>,
): Promise<Result> {
  try {
    const config = readConfig(env)
    return await withDatabase(config, async (db) => use(db, config))
  } catch (error) {
    if (error instanceof CliError) throw error
    if (error instanceof TenantError) throw new CliError(exitCodes.undecidable, error.message)
    if (error instanceof UsageError || error instanceof ConfigError) {
      throw new CliError(exitCodes.usage, error.message)
    }
    if (error instanceof EmbeddedPostgresError || error instanceof StartError) {
      throw new CliError(exitCodes.unavailable, error.message)
    }
    const code = isRetryable(error) ? exitCodes.unavailable : exitCodes.failure
    // Errors of the driver hold the address with its password.
    throw new CliError(code, describeError(error))
  }
}
