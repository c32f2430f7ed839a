import { isConnectionError } from './unheld-errors.ts'

/**
 * Drivers attach whole clients to their errors, keys included, so only these properties of an error are logged. Where in
 * our code a datastore was found to be away nobody needs to know: such errors come by the thousand, and have no stack.
 */
export function serializeError(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) }
  const { name, message, stack, cause } = error
  return {
    name,
    message,
    ...(codeOf(error) === '' ? {} : { code: codeOf(error) }),
    ...(isConnectionError(error) ? {} : { stack }),
    ...(cause === undefined ? {} : { cause: serializeError(cause) }),
  }
}

/** Returns the code of an error of the system or a driver; the empty string where it has none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
