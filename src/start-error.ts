import { codeOf } from './reduced-error.ts'

/**
 * Thrown when the start is prevented by something outside the process. The message is one sentence for the operator.
 */
export class StartError extends Error {
  override name = 'StartError'
}

/** Makes a first contact. When it fails, tells in one sentence what could not be reached. */
export async function reach<T>(
  where: string,
  setting: string,
  contact: () => Promise<T>,
): Promise<T> {
  try {
    return await contact()
  } catch (error) {
    throw new StartError(`Cannot use ${where} (${reasonOf(error)}): check ${setting}.`, {
      cause: error,
    })
  }
}

/** Returns the host and port of a URL, which may be shown: its user and password may not. */
export function hostOf(url: string): string {
  return /^[^:]+:\/\/(?:[^@/]*@)?([^/?]*)/.exec(url)?.[1] ?? ''
}

/** @param setting the name of the setting that holds the port */
export async function listen<T>(
  { host, port }: { host: string; port: number },
  setting: string,
  open: () => Promise<T>,
): Promise<T> {
  try {
    return await open()
  } catch (error) {
    const code = codeOf(error)
    const sentence = {
      EADDRINUSE: `Port ${port} on ${host} is taken: stop what listens there, or set ${setting}.`,
      EACCES: `Port ${port} needs more rights than this process has: set ${setting} to 1024 or above.`,
      EADDRNOTAVAIL: `This machine has no address ${host}: set HOST.`,
      ENOTFOUND: `This machine has no address ${host}: set HOST.`,
    }[code]
    if (sentence === undefined) throw error
    throw new StartError(sentence, { cause: error })
  }
}

export function reasonOf(error: unknown): string {
  // A connection to a host with two addresses fails with two errors and an empty message.
  const first = error instanceof AggregateError ? error.errors[0] : error
  const message = first instanceof Error ? first.message : String(first)
  return (message || codeOf(first)).replace(/\.$/, '')
}
