import { ConfigError } from './config.ts'
import { EmbeddedPostgresError } from './embedded/errors.ts'
import { InitialKeysError } from './initial-tenant.ts'
import { describeError } from './reduced-error.ts'
import { StartError } from './start-error.ts'
import { SchemaTooNewError } from './store/migrate.ts'
import { NoReplicaError } from './store/replica.ts'

const operatorErrors = [
  ConfigError,
  StartError,
  EmbeddedPostgresError,
  InitialKeysError,
  SchemaTooNewError,
  NoReplicaError,
]

/**
 * What the operator can correct is reported in one sentence. Anything else is for us to correct, and keeps its stack.
 */
export function reportFailure(error: unknown): void {
  const known = operatorErrors.some((kind) => error instanceof kind)
  console.error(
    known && error instanceof Error ? `runmill: ${error.message}` : describeError(error),
  )
}

/** Exit codes. `npm start` starts a server again that failed, but not one that could not use its settings. */
export const exitCodes = { stopped: 0, operatorError: 1, failed: 70 } as const

export function exitCodeOf(error: unknown): number {
  return operatorErrors.some((kind) => error instanceof kind)
    ? exitCodes.operatorError
    : exitCodes.failed
}
