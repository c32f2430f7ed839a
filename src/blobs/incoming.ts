import { createHash, randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '../domain/log.ts'
import { BlobsUnavailableError, BlobTooLargeError, type IncomingFile } from './store.ts'

/**
 * A file that nobody has written to for this long was left by a process that died. Processes may share the folder, so
 * a younger file can belong to another one that is alive.
 */
const abandonedAfterMs = 3_600_000

export interface Incoming {
  /** Makes the folder, removes the files that dead processes left in it, and repeats that every hour. */
  start(): Promise<void>
  /** @throws BlobTooLargeError, BlobsUnavailableError, or the error of `content`. No file is left behind then. */
  receive(content: AsyncIterable<Uint8Array>, maxBytes: number): Promise<IncomingFile>
  stop(): void
}

/**
 * Opens the folder on the local disk where content waits until all of it has arrived. Only then are its hash and size
 * known.
 */
export function openIncoming(folder: string, log: Log): Incoming {
  let timer: NodeJS.Timeout | undefined

  async function sweep(): Promise<void> {
    for (const name of await readdir(folder)) {
      const path = join(folder, name)
      // Another process may have removed it a moment ago.
      const found = await stat(path).catch(() => null)
      if (found !== null && Date.now() - found.mtimeMs > abandonedAfterMs) {
        await rm(path, { force: true })
      }
    }
  }

  async function write(
    file: FileHandle,
    content: AsyncIterable<Uint8Array>,
    maxBytes: number,
  ): Promise<{ size: number; sha256: string }> {
    const hash = createHash('sha256')
    let size = 0
    for await (const chunk of content) {
      size += chunk.byteLength
      if (size > maxBytes) throw new BlobTooLargeError(maxBytes)
      hash.update(chunk)
      await onDisk(async () => file.writeFile(chunk))
    }
    // Acknowledged content must survive a crash of the machine too (SPEC I1).
    await onDisk(async () => file.datasync())
    return { size, sha256: hash.digest('hex') }
  }

  return {
    async start() {
      await mkdir(folder, { recursive: true })
      await sweep()
      timer = setInterval(() => {
        sweep().catch((error: unknown) => log.warn({ err: error }, 'incoming blobs not swept'))
      }, abandonedAfterMs).unref()
    },
    async receive(content, maxBytes) {
      const path = join(folder, randomUUID())
      const discard = async (): Promise<void> => rm(path, { force: true })
      const file = await onDisk(async () => open(path, 'wx', 0o600))
      try {
        return { path, ...(await write(file, content, maxBytes)), discard }
      } catch (error) {
        await discard()
        throw error
      } finally {
        await file.close()
      }
    },
    stop() {
      clearInterval(timer)
    },
  }
}

/**
 * Reports a failure of the disk (full, missing, not permitted) as BlobsUnavailableError: the request is not at fault
 * and may be repeated.
 */
async function onDisk<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    throw new BlobsUnavailableError('Incoming blobs cannot be written', { cause: error })
  }
}
