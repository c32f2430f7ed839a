import { access, constants, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type BlobHome, type BlobKey, BlobsUnavailableError } from '../store.ts'

/**
 * Keeps each blob in a file: `<folder>/<tenant>/<first two digits of the id>/<id>`. Only processes that share the
 * folder see them. The incoming folder must be on the same disk.
 */
export function localHome(folder: string): BlobHome {
  // 256 folders for each tenant: with a million blobs there are 4,000 files in each.
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
      // Opened here and not by the stream, which would report a missing file only when the answer has begun.
      const file = await unlessMissing(async () => open(pathOf(key)))
      if (file === null) return null
      return file.createReadStream(range === null ? {} : { start: range.first, end: range.last })
    },
    remove: async (key) => orUnavailable(async () => rm(pathOf(key), { force: true })),
    stop: async () => {},
  }
}

/**
 * Syncs a folder, because a rename is durable only once its folder is. Windows neither needs this nor can open a
 * folder.
 */
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
