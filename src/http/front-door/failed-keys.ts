import type { FastifyInstance } from 'fastify'
import { LRUCache } from 'lru-cache'
import { LimitError } from '../../domain/limit-error.ts'

/**
 * Far more than programs with a wrong key send, even many of them behind one proxy, and far too few to guess a secret or
 * to keep the database busy.
 */
const mostFailures = 300
const perMs = 60_000
const addressLimit = 10_000

export interface FailedKeys {
  /** @throws LimitError when too many requests from there had a wrong key lately */
  check(address: string): void
}

/**
 * Counts the requests with a wrong key by the address that they came from. Only keys that were never right are checked
 * against it, so an address that many share is not closed to those who have a key.
 */
export function countFailedKeys(app: FastifyInstance): FailedKeys {
  const failures = new LRUCache<string, { count: number }>({ max: addressLimit, ttl: perMs })
  app.addHook('onResponse', (request, reply, done) => {
    if (reply.statusCode === 401) {
      const known = failures.get(request.ip)
      if (known === undefined) failures.set(request.ip, { count: 1 })
      else known.count += 1
    }
    done()
  })
  return {
    check(address) {
      if ((failures.get(address)?.count ?? 0) < mostFailures) return
      const seconds = Math.ceil(failures.getRemainingTTL(address) / 1000)
      throw new LimitError('wrong_keys', 'wrong keys were sent from this address', seconds)
    },
  }
}
