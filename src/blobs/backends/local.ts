import { access, constants, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type BlobHome, type BlobKey, BlobsUnavailableError } from '../store.ts'

/**
 * Contents as files: `<folder>/<tenant>/<first two digits of the id>/<id>`. Only processes that share the folder see them.
 * The incoming folder must be on the same disk.
 */
export function localHome(folder: string): BlobHome {
  // 256 folders a tenant: a million contents are 4,000 files in each.
  const pathOf = ({ tenantId, id }: BlobKey): string => join(folder, tenantId, id.slice(0, 2), id)

  return {
    async start() {
      await mkdir(folder, { recursive: true })
      await access(folder, constants.R_OK | constants.W_OK)
    },
    has: async (key) => (await unlessMissing(async () => access(pathOf(key)))) !== null,
    async write(key, file) {
      const path = pathOf(key)
      await orUnavailable(async () => {
        await mkdir(dirname(path), { recursive: true })
        await rename(file.path, path)
        await syncFolder(dirname(path))
      })
    },
    async read(key, range) {
      // Opened here and not by the stream, which would tell of a missing file when the answer has begun.
      const file = await unlessMissing(async () => open(pathOf(key)))
      if (file === null) return null
      return file.createReadStream(range === null ? {} : { start: range.first, end: range.last })
    },
    remove: async (key) => orUnavailable(async () => rm(pathOf(key), { force: true })),
    stop: async () => {},
  }
}

/** A rename is durable once its folder is. Windows neither needs this nor can open a folder. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const folder = await open(path)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

async function unlessMissing<T>(act: () => Promise<T>): Promise<T | null> {
  return orUnavailable(async () => {
    try {
      return await act()
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
      throw error
    }
  })
}

async function orUnavailable<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    throw new BlobsUnavailableError('The blob folder cannot be used', { cause: error })
  }
}
