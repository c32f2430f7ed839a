import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { EmbeddedPostgresError } from './errors.ts'
import { identifyProcess } from './process-identity.ts'

interface Owner {
  pid: number
  identity: string
}

/**
 * Locks a folder for this process. A lock that was left by a process that has ended (kill -9, power cut) is taken
 * over.
 * @returns a function that releases the lock; a second call does nothing.
 * @throws EmbeddedPostgresError when another live Runmill holds it
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, 'lock')
  const mine: Owner = { pid: process.pid, identity: (await identifyProcess(process.pid)) ?? '' }
  const draft = `${path}.${process.pid}`
  await writeFile(draft, JSON.stringify(mine), { mode: 0o600 })
  try {
    for (let attempt = 0; attempt < 3; attempt++) {
      // link(2) makes the lock together with its content, so nobody can read it half written.
      const taken = await link(draft, path).then(() => true, ignore('EEXIST'))
      if (taken) return () => rm(path, { force: true })
      const owner = await readOwner(path)
      if (owner !== null && (await identifyProcess(owner.pid)) === owner.identity) {
        throw new EmbeddedPostgresError(
          `The data folder ${folder} is in use by another Runmill (process ${owner.pid}): stop it, or set RUNMILL_DATA_DIR to another folder.`,
        )
      }
      await rename(path, `${draft}.stale`).catch(ignore('ENOENT'))
      await rm(`${draft}.stale`, { force: true })
    }
    throw new EmbeddedPostgresError(`Another Runmill is starting in the data folder ${folder}.`)
  } finally {
    await rm(draft, { force: true })
  }
}

/** Returns the id of the process that holds the lock of this folder, or held it when it ended; null when none does. */
export async function readLockHolder(folder: string): Promise<number | null> {
  return (await readOwner(join(folder, 'lock')))?.pid ?? null
}

async function readOwner(path: string): Promise<Owner | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Owner
  } catch {
    return null
  }
}

function ignore(code: string): (error: NodeJS.ErrnoException) => false {
  return (error) => {
    if (error.code !== code) throw error
    return false
  }
}
