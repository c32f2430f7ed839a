import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { EmbeddedPostgresError } from './errors.ts'
import { lockFolder } from './folder-lock.ts'
import { stopOrphan } from './postgres.ts'

const run = promisify(execFile)

/** What a data folder has that is worth a copy, the cluster last: a folder without it is an empty one. */
const kept = ['password', 'blobs', 'postgres']

/** Is there while a restore goes on: what one that was broken off has copied may be replaced. */
const restoring = 'restore.part'

/**
 * Copies all that the embedded mode has stored, queues and attachments included, while no server runs on it.
 * @param target a folder that does not exist; it gets its name once it is complete
 * @throws EmbeddedPostgresError when a server runs, when there is nothing to copy, or when the target exists
 */
export async function backUpFolder(dataDir: string, target: string): Promise<void> {
  const draft = `${resolve(target)}.part`
  if (existsSync(target)) throw new EmbeddedPostgresError(`${target} exists already.`)
  if (!hasCluster(dataDir)) throw new EmbeddedPostgresError(`There is no data in ${dataDir}.`)
  await whileLocked(dataDir, async () => {
    await rm(draft, { recursive: true, force: true })
    await copy(dataDir, draft)
    await rename(draft, target)
    await run('sync', [dirname(resolve(target))])
  })
}

/**
 * Puts back what backUpFolder has copied. One that is cut off leaves no cluster, and can be repeated.
 * @throws EmbeddedPostgresError when the source is no such copy, or when the data folder has data
 */
export async function restoreFolder(source: string, dataDir: string): Promise<void> {
  if (!hasCluster(source)) throw new EmbeddedPostgresError(`${source} is no backup.`)
  await mkdir(dataDir, { recursive: true })
  await whileLocked(dataDir, async () => {
    const isBrokenOff = existsSync(join(dataDir, restoring)) && !hasCluster(dataDir)
    if (!isBrokenOff && kept.some((name) => existsSync(join(dataDir, name)))) {
      throw new EmbeddedPostgresError(`${dataDir} has data already: move it away first.`)
    }
    await writeFile(join(dataDir, restoring), '')
    await copy(source, dataDir)
    await rm(join(dataDir, restoring))
  })
}

function hasCluster(folder: string): boolean {
  return existsSync(join(folder, 'postgres', 'PG_VERSION'))
}

async function whileLocked(dataDir: string, work: () => Promise<void>): Promise<void> {
  const unlock = await lockFolder(resolve(dataDir))
  try {
    await stopOrphan(join(resolve(dataDir), 'postgres'))
    await work()
  } finally {
    await unlock()
  }
}

/** Owners and modes are kept, because Postgres asks for them. */
async function copy(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true })
  for (const name of kept.filter((each) => existsSync(join(from, each)))) {
    const draft = join(to, `${name}.part`)
    await rm(draft, { recursive: true, force: true })
    await run('cp', ['-a', join(from, name), draft])
    await rm(join(to, name), { recursive: true, force: true })
    await rename(draft, join(to, name))
  }
  // All files of the file system, before the copy gets its name.
  await run('sync', ['-f', to])
}
