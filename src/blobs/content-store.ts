import type { Clock } from '../domain/clock.ts'
import { deriveId, isUuid } from '../domain/ids.ts'
import type { Log } from '../domain/log.ts'
import type { Db } from '../store/pool.ts'
import { blobFind } from '../store/read/blobs.ts'
import { blobMarkDeleteOfBlob, blobMarkInsert } from '../store/write/blobs/blob-marks.ts'
import { blobDeleteUnreferenced, blobInsert, blobUpdateUsed } from '../store/write/blobs/blobs.ts'
import { tenantIsDeleted } from '../store/write/tenants/tenant-deletion.ts'
import { openIncoming } from './incoming.ts'
import {
  type Blob,
  type BlobHome,
  type BlobKey,
  type BlobStore,
  BlobsUnavailableError,
  type IncomingFile,
} from './store.ts'

export interface BlobStoreOptions {
  db: Db
  clock: Clock
  log: Log
  /** The folder that holds content while it arrives. For a local home it must be on the same disk. */
  incomingFolder: string
  home: BlobHome
}

/** Creates a blob store. Call `start` before use. `stop` may be called twice, and without `start`. */
export function createBlobStore({
  db,
  clock,
  log,
  incomingFolder,
  home,
}: BlobStoreOptions): BlobStore {
  const incoming = openIncoming(incomingFolder, log)

  async function find(tenantId: string, id: string): Promise<Blob | null> {
    return isUuid(tenantId) && isUuid(id) ? blobFind(db, tenantId, id) : null
  }

  async function keep(tenantId: string, blob: Blob, file: IncomingFile): Promise<void> {
    const key = keyOf(tenantId, blob.id)
    const isKnown = await blobUpdateUsed(db, tenantId, blob.id, clock.now())
    // Asks the home too, so that storing the same content again repairs a blob whose bytes are missing, because a
    // disk was lost or the database was restored.
    if (isKnown && (await home.has(key))) return
    if (!isKnown) await blobMarkInsert(db, tenantId, blob.id, clock.now())
    await home.write(key, file)
    // The tenant may have been deleted while the content arrived. Then nobody would look for it. A deletion that is not seen
    // here takes so much longer that it finds the row.
    if (await tenantIsDeleted(db, tenantId)) {
      await home.remove(key)
      await blobMarkDeleteOfBlob(db, tenantId, blob.id)
      return
    }
    await blobInsert(db, tenantId, blob, clock.now())
    if (await home.has(key)) return
    throw new BlobsUnavailableError('The same content was deleted at this moment')
  }

  return {
    async start() {
      await incoming.start()
      await home.start()
    },
    async put(tenantId, content, { maxBytes }) {
      const file = await incoming.receive(content, maxBytes)
      try {
        const { size, sha256 } = file
        const blob = { id: deriveId('blob', sha256), size, sha256 }
        await keep(tenantId, blob, file)
        return blob
      } finally {
        await file.discard()
      }
    },
    find,
    async get(tenantId, id, range) {
      if ((await find(tenantId, id)) === null) return null
      const content = await home.read(keyOf(tenantId, id), range ?? null)
      if (content === null) log.error({ tenantId, id }, 'the bytes of a stored blob are gone')
      return content
    },
    async removeUnused(tenantId, id, usedBefore) {
      const key = keyOf(tenantId, id)
      return blobDeleteUnreferenced(db, tenantId, id, usedBefore, async () => home.remove(key))
    },
    async stop() {
      incoming.stop()
      await home.stop()
    },
  }
}

/** @throws RangeError when either is not a UUID, because keys become paths */
function keyOf(tenantId: string, id: string): BlobKey {
  if (!isUuid(tenantId) || !isUuid(id)) throw new RangeError('A blob is named by two UUIDs')
  return { tenantId: tenantId.toLowerCase(), id: id.toLowerCase() }
}
