import type { BlobStore } from '../src/blobs/store.ts'
import type { Clock } from '../src/domain/clock.ts'
import type { Log } from '../src/domain/log.ts'
import { fromEpochMs, toEpochMs, type Timestamp } from '../src/domain/timestamp.ts'
import type { Handler, QueueBackend } from '../src/queue/backend.ts'
import { ingestLanes } from '../src/queue/catalog.ts'
import { isRetryable } from '../src/store/errors.ts'
import type { Db } from '../src/store/pool.ts'
import {
  blobMarkDelete,
  blobMarkInsertUnreferenced,
  blobMarkListDue,
} from '../src/store/write/blobs/blob-marks.ts'
import { tenantList } from '../src/store/write/tenants/tenants.ts'

export interface CollectorServices {
  db: Db
  queue: QueueBackend
  clock: Clock
  log: Log
  blobs: BlobStore
}

/**
 * How long a blob is kept after its last use. It is stored before the row that refers to it, and the event that
 * writes the row may wait in the queue for that long.
 */
const graceMs = 24 * 3_600_000

/** Longer than any transaction of ours: one that was copying a reference when the mark was made has ended by then. */
const settleMs = 600_000

/** How many blobs one statement looks at. */
const pageLength = 500

/**
 * Removes blobs to which nothing refers any more. A blob is looked at twice, ten minutes apart: a deletion, or a look
 * at all blobs, marks it; and before it is deleted, whether anything refers to it is asked again.
 */
export function collectHandler(services: CollectorServices): Handler<'collect'> {
  return async ({ look }, { signal }) => {
    // As long as events wait in the queue, an attachment of one of them looks as if nothing referred to it.
    if (await hasBacklog(services.queue)) return
    await (look === 'all' ? markUnreferenced(services, signal) : removeMarked(services, signal))
  }
}

async function hasBacklog(queue: QueueBackend): Promise<boolean> {
  const counts = await queue.counts()
  return ingestLanes.some((lane) => counts[lane].waiting + counts[lane].delayed > 0)
}

/** Does the work of each tenant. One whose part of the database is away is left to the next look, and keeps no other waiting. */
async function ofEachTenant(
  { db, log }: CollectorServices,
  signal: AbortSignal,
  work: (tenantId: string) => Promise<void>,
): Promise<void> {
  for (const { id: tenantId } of await tenantList(db)) {
    signal.throwIfAborted()
    try {
      await work(tenantId)
    } catch (error) {
      if (!isRetryable(error)) throw error
      log.warn({ err: error, tenantId }, 'the blobs of a tenant could not be looked at')
    }
  }
}

async function markUnreferenced(services: CollectorServices, signal: AbortSignal): Promise<void> {
  const { db, clock } = services
  const usedBefore = ago(clock, graceMs)
  await ofEachTenant(services, signal, async (tenantId) => {
    let last: string | null = null
    do {
      signal.throwIfAborted()
      last = await blobMarkInsertUnreferenced(
        db,
        tenantId,
        last,
        usedBefore,
        pageLength,
        clock.now(),
      )
    } while (last !== null)
  })
}

async function removeMarked(services: CollectorServices, signal: AbortSignal): Promise<void> {
  const { db, clock, log, blobs } = services
  const usedBefore = ago(clock, graceMs)
  const markedBefore = ago(clock, settleMs)
  const removed = { blobs: 0, bytes: 0 }
  try {
    await ofEachTenant(services, signal, async (tenantId) => {
      for (;;) {
        const due = await blobMarkListDue(db, tenantId, markedBefore, usedBefore, pageLength)
        for (const { blobId, isCurrent } of due) {
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
    })
  } finally {
    if (removed.blobs > 0) log.info(removed, 'removed blobs to which nothing refers')
  }
}

function ago(clock: Clock, ms: number): Timestamp {
  return fromEpochMs(toEpochMs(clock.now()) - ms)!
}
