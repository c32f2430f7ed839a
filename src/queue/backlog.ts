import type { IngestJob, IngestLane } from './catalog.ts'

/** Events that were accepted and are not applied yet, as one API process sees them. */
export interface Backlog {
  /**
   * Called before a request is read.
   * @throws LimitError when there is no room for more of this tenant
   */
  assertRoom(tenantId: string): void
  /**
   * Stores jobs of one tenant in a lane: the given one, or `ingest-backlog` when the tenant has much there already. Empties
   * the list, also when it fails, so that what was sent is not held while it is stored.
   * @throws QueueUnavailableError when the queue cannot take them; nothing was stored
   */
  enqueue(lane: IngestLane, jobs: IngestJob[]): Promise<void>
}
