import { LRUCache } from 'lru-cache'
import type { IngestJob } from '../src/queue/catalog.ts'
import { errorKind } from '../src/store/errors.ts'

/*
 * Jobs that were refused alone by an error that does not tell whether it will pass. Such an error is that of the job's
 * events when it comes again after other events of the tenant were applied; or after a long time, when the tenant has no
 * others. Should the tenant's part of the database be away nevertheless, it does not take a dead letter either.
 */

const rememberAtMost = 10_000
/** Longer than it takes until a job of a tenant that is set apart is tried again. */
const forgetMs = 3_600_000

export interface Suspects {
  /** Events of the tenant are committed. */
  applied(tenantId: string): void
  /** Jobs that were tried together could not be applied. */
  refused(jobs: readonly IngestJob[], error: unknown): void
  /** Whether errors that do not tell whether they will pass are those of these jobs' own events. */
  areAtFault(jobs: readonly IngestJob[]): boolean
}

/**
 * @param unclearMs after how long a job is at fault without others of its tenant
 * @param now milliseconds that never go back
 */
export function createSuspects(
  unclearMs: number,
  now: () => number = () => performance.now(),
): Suspects {
  /** By `batchId`, when such an error first met the job. */
  const refusedAt = new LRUCache<string, number>({
    max: rememberAtMost,
    ttl: forgetMs,
    updateAgeOnGet: true,
  })
  const appliedAt = new LRUCache<string, number>({ max: rememberAtMost })
  return {
    applied: (tenantId) => void appliedAt.set(tenantId, now()),
    refused(jobs, error) {
      const [first] = jobs
      if (errorKind(error) !== 'unclear') for (const { batchId } of jobs) refusedAt.delete(batchId)
      else if (jobs.length === 1 && !refusedAt.has(first!.batchId)) {
        refusedAt.set(first!.batchId, now())
      }
    },
    areAtFault: (jobs) =>
      jobs.every(({ batchId, tenantId }) => {
        const at = refusedAt.get(batchId)
        if (at === undefined) return false
        return (appliedAt.get(tenantId) ?? -Infinity) > at || now() - at >= unclearMs
      }),
  }
}
