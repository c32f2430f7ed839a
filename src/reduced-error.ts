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
 * payloads.
 */
export function reduceError(error: unknown): ReducedError {
  if (!(error instanceof Error)) return { message: String(error) }
  const { name, message, stack, cause } = error
  const code = 'code' in error ? String(error.code) : ''
  return {
    name,
    message,
    ...(code === '' ? {} : { code }),
    stack,
    ...(cause === undefined ? {} : { cause: reduceError(cause) }),
  }
}

/** Writes the same for people: the stack, then the code, then the cause. */
export function describeError(error: unknown): string {
  return describe(reduceError(error))
}

function describe({ message, code, stack, cause }: ReducedError): string {
  return [
    stack ?? message,
    ...(code === undefined ? [] : [`code: ${code}`]),
    ...(cause === undefined ? [] : [`caused by: ${describe(cause)}`]),
  ].join('\n')
}
