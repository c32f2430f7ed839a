import { isServersAnswer } from './errors.ts'
import { type Db, openPool, type Silence } from './pool.ts'
import type { Pooler } from './pooler.ts'

/** Tells a Postgres that answers nobody from one that takes its time over a statement. */
export interface Heartbeat extends Silence {
  /** The pool that it asks on, of one connection, whose statements are given up early. */
  readonly db: Db
  /** Settles as `work` does, or rejects as soon as Postgres is silent, with an error that is retryable. */
  whileAnswering<T>(work: Promise<T>): Promise<T>
  /** Asks no more. May be called twice. The pool stays open. */
  stop(): void
}

/** Postgres is taken for silent when it answers nothing for this long; so that is known 2.5 s after its last answer. */
const silentMs = 2000
const everyMs = 500

/** Whatever has to do with a Postgres that answers nobody fails with this. Its code makes it retryable. */
class SilentError extends Error {
  override name = 'SilentError'
  readonly code = 'STATEMENT_TIMEOUT'
}

/**
 * Asks Postgres for a sign of life twice a second, on a connection of its own. A refusal by the server is one, too; what
 * is refused otherwise is silence once it has lasted.
 */
export function startHeartbeat(url: string, pooler: Pooler | null = null): Heartbeat {
  const db = openHealthPool(url, pooler)
  const listeners = new Set<() => void>()
  let answeredAt = performance.now()
  let silent = false
  let timer: NodeJS.Timeout | undefined
  let isStopped = false

  async function beat(): Promise<void> {
    const hasAnswered = await db`select 1`.then(() => true, isServersAnswer)
    if (isStopped) return
    if (hasAnswered) answeredAt = performance.now()
    silent = !hasAnswered && performance.now() - answeredAt >= silentMs
    // Each time, because what was within a transaction when the silence began may have spoken since.
    if (silent) for (const listener of listeners) listener()
    timer = setTimeout(() => void beat(), everyMs)
  }

  void beat()
  return {
    db,
    isSilent: () => silent,
    onSilent: (listener) => void listeners.add(listener),
    async whileAnswering(work) {
      let giveUp = (): void => {}
      const silence = new Promise<never>((_, reject) => {
        giveUp = () => reject(new SilentError('Postgres does not answer'))
        listeners.add(giveUp)
      })
      if (silent) giveUp()
      try {
        return await Promise.race([work, silence])
      } finally {
        listeners.delete(giveUp)
      }
    },
    stop() {
      isStopped = true
      clearTimeout(timer)
    },
  }
}

/** Opens a pool of one connection, whose statements are given up early. */
export function openHealthPool(url: string, pooler: Pooler | null): Db {
  return openPool(url, { max: 1, limits: { usualMs: silentMs, longMs: silentMs }, pooler })
}

/** @throws Error when the pool's server does not answer within the pool's limit */
export async function pingPool(db: Db): Promise<void> {
  await db`select 1`
}
