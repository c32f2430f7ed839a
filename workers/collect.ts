import type { BlobStore } from '../src/blobs/store.ts'
import type { Clock } from '../src/domain/clock.ts'
import type { Log } from '../src/domain/log.ts'
import { fromEpochMs, toEpochMs, type Timestamp } from '../src/domain/timestamp.ts'
import type { Handler, QueueBackend } from '../src/queue/backend.ts'
import type { Db } from '../src/store/pool.ts'
import {
  blobMarkDelete,
  blobMarkInsertUnreferenced,
  blobMarkListDue,
  type BlobName,
} from '../src/store/write/blob-marks.ts'

export interface CollectorParts {
  db: Db
  queue: QueueBackend
  clock: Clock
  log: Log
  blobs: BlobStore
}

/** A content is stored before the row that refers to it: the event may wait in the queue as long as this. */
const graceMs = 24 * 3_600_000

/** Longer than any transaction of ours: what copied a reference when the mark was made has ended. */
const settleMs = 600_000

/** Blobs that one statement looks at. */
const pageLength = 500

/**
 * Removes contents to which nothing refers any more. A blob is looked at twice, ten minutes apart: what makes a mark of it
 * (a deletion, or a look at all blobs), and what then deletes it asks again.
 */
export function collectHandler(services: CollectorParts): Handler<'collect'> {
  return async ({ look }, { signal }) => {
    // An attachment of an event that waits since yesterday looks as if nothing referred to it.
    if (await hasBacklog(services.queue)) return
    await (look === 'all' ? markUnreferenced(services, signal) : removeMarked(services, signal))
  }
}

async function hasBacklog(queue: QueueBackend): Promise<boolean> {
  const counts = await queue.counts()
  return [counts.ingest, counts['ingest-interactive']].some(
    ({ waiting, delayed }) => waiting + delayed > 0,
  )
}

async function markUnreferenced({ db, clock }: CollectorParts, signal: AbortSignal): Promise<void> {
  const usedBefore = ago(clock, graceMs)
  let last: BlobName | null = null
  do {
    signal.throwIfAborted()
    last = await blobMarkInsertUnreferenced(db, last, usedBefore, pageLength, clock.now())
  } while (last !== null)
}

async function removeMarked(
  { db, clock, log, blobs }: CollectorParts,
  signal: AbortSignal,
): Promise<void> {
  const usedBefore = ago(clock, graceMs)
  const markedBefore = ago(clock, settleMs)
  const removed = { blobs: 0, bytes: 0 }
  try {
    for (;;) {
      const due = await blobMarkListDue(db, markedBefore, usedBefore, pageLength)
      for (const { tenantId, blobId, isCurrent } of due) {
        signal.throwIfAborted()
        const bytes = isCurrent ? await blobs.removeUnused(tenantId, blobId, usedBefore) : null
        if (bytes !== null) {
          removed.blobs += 1
          removed.bytes += bytes
        }
        await blobMarkDelete(db, tenantId, blobId, markedBefore)
      }
      if (due.length < pageLength) return
    }
  } finally {
    if (removed.blobs > 0) log.info(removed, 'removed blobs to which nothing refers')
  }
}

function ago(clock: Clock, ms: number): Timestamp {
  return fromEpochMs(toEpochMs(clock.now()) - ms)!
}
