import { LRUCache } from 'lru-cache'
import type { Db } from '../store/pool.ts'
import { type ApiKey, apiKeyListValid } from '../store/read/api-keys.ts'
import { type KeyCache, keyNames } from './auth.ts'
import type { FailedKeys } from './front-door/failed-keys.ts'

/** Keys that were looked up lately, for as long as they are valid. */
export interface RefreshedKeyCache extends KeyCache {
  /** Forgets, twice a second from now on, the held keys that are no longer valid. */
  start(): void
  stop(): void
}

/** A revoked key keeps working for this long at most, when Postgres cannot be asked. */
const heldMs = 10_000
const heldLimit = 10_000
const askEveryMs = 500

/** @param time milliseconds that never go back, for the age of held keys */
export function createKeyCache(
  db: Db,
  failed: FailedKeys,
  time: { now(): number } = performance,
): RefreshedKeyCache {
  const age = { ttl: heldMs, ttlResolution: 0, perf: time }
  const held = new LRUCache<string, ApiKey>({ max: heldLimit, ...age })
  const onceRight = new LRUCache<string, true>({ max: heldLimit })

  let timer: NodeJS.Timeout | undefined
  let isStopped = false

  async function forgetEnded(): Promise<void> {
    held.purgeStale()
    if (held.size === 0) return
    const publicKeys = new Set([...held.values()].map((key) => key.publicKey))
    const valid = new Set<string>()
    for (const { publicKey, secretHash } of await apiKeyListValid(db, [...publicKeys])) {
      valid.add(keyNames.ofPublicKey(publicKey))
      valid.add(keyNames.ofSecretHash(secretHash))
    }
    for (const [name, { publicKey }] of held)
      if (publicKeys.has(publicKey) && !valid.has(name)) held.delete(name)
  }

  async function ask(): Promise<void> {
    // When Postgres cannot be asked, keys end by their age.
    await forgetEnded().catch(() => {})
    if (!isStopped) timer = setTimeout(() => void ask(), askEveryMs)
  }

  return {
    async get(name, address, find) {
      const known = held.get(name)
      if (known !== undefined) return known
      if (!onceRight.has(name)) failed.check(address)
      const key = await find()
      // An unknown key is looked up each time, because it may be created at any moment.
      if (key === null) return null
      held.set(name, key)
      onceRight.set(name, true)
      return key
    },
    start: () => void ask(),
    stop() {
      isStopped = true
      clearTimeout(timer)
    },
  }
}
