import { isConnectionError } from './unheld-errors.ts'

/** What of an error may be shown. */
export interface ReducedError {
  name?: string
  message: string
  code?: string
  stack?: string | undefined
  cause?: ReducedError
}

/**
 * Returns what of an error may be logged: drivers attach whole clients and commands to theirs, with keys, passwords and
 * payloads. Where in our code a datastore was found to be away nobody needs to know: such errors come by the thousand, and
 * have no stack.
 */
export function reduceError(error: unknown): ReducedError {
  if (!(error instanceof Error)) return { message: String(error) }
  const { name, message, stack, cause } = error
  const code = codeOf(error)
  return {
    name,
    message,
    ...(code === '' ? {} : { code }),
    ...(isConnectionError(error) ? {} : { stack }),
    ...(cause === undefined ? {} : { cause: reduceError(cause) }),
  }
}

/** Returns the code of an error of the system or a driver; the empty string where it has none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

/** Writes the same for people: the stack, then the code, then the cause. */
export function describeError(error: unknown): string {
  return describe(reduceError(error))
}

function describe({ name, message, code, stack, cause }: ReducedError): string {
  return [
    stack ?? (name === undefined ? message : `${name}: ${message}`),
    ...(code === undefined ? [] : [`code: ${code}`]),
    ...(cause === undefined ? [] : [`caused by: ${describe(cause)}`]),
  ].join('\n')
}
