import { LRUCache } from 'lru-cache'
import { LimitError } from '../../domain/limit-error.ts'
import type { Backlog } from '../../queue/backlog.ts'
import type { Intake } from './intake.ts'
import type { Services } from '../services.ts'

/** Keys whose rate is remembered. What is forgotten starts anew. */
const keyLimit = 10_000

interface Bucket {
  tokens: number
  filledAt: number
}

export interface AdmissionOptions {
  backlog: Backlog
  intake: Intake
  /** Of one key, in each API process; a second's worth may come at once. 0: as many as it likes. */
  requestsPerSecond: number
  /** Milliseconds that never go back. */
  time?: { now(): number }
}

/** SPEC I7: a request is refused once it is known whose it is, and before its body is read. */
export function createAdmission({
  backlog,
  intake,
  requestsPerSecond,
  time = performance,
}: AdmissionOptions): Services['admit'] {
  const buckets = new LRUCache<string, Bucket>({ max: keyLimit })

  /** A token bucket, because a client may send what it has gathered at once. */
  function takeToken(keyId: string): void {
    const now = time.now()
    const bucket = buckets.get(keyId) ?? { tokens: requestsPerSecond, filledAt: now }
    const filled = bucket.tokens + ((now - bucket.filledAt) / 1_000) * requestsPerSecond
    const tokens = Math.min(requestsPerSecond, filled)
    if (tokens < 1) {
      throw new LimitError(
        'rate_limit',
        'too many requests of this key',
        Math.ceil((1 - tokens) / requestsPerSecond),
      )
    }
    buckets.set(keyId, { tokens: tokens - 1, filledAt: now })
  }

  return ({ principal, routeOptions }) => {
    if (requestsPerSecond > 0 && principal.keyId !== undefined) takeToken(principal.keyId)
    if (routeOptions.config.isIngest !== true) return
    backlog.assertRoom(principal.tenantId)
    intake.assertRoom(principal.tenantId)
  }
}
