import { ReadsBusyError } from './errors.ts'

/** Limits how many statements of reading requests run at the same time. */
export interface ReadSlots {
  /**
   * Waits until a statement of the tenant may run, and returns the function to call when it has ended.
   * @param patienceMs how long to wait at most
   * @throws ReadsBusyError when the time is over, or when too many statements of the tenant are waiting already
   * @throws the signal's reason when it is aborted first
   */
  take(tenantId: string, signal: AbortSignal, patienceMs: number): Promise<() => void>
}

/** How many statements of one tenant may wait: enough for a hundred clients that run a few statements each. */
const mostWaiting = 500

interface Waiting {
  start(): void
}

interface Share {
  running: number
  waiting: Waiting[]
}

/**
 * Counts running statements, in total and per tenant. The statements of a tenant start in the order in which they came,
 * and waiting tenants take turns, so that one tenant's many or slow reads do not delay the reads of another.
 */
export function createReadSlots(total: number, perTenant: number): ReadSlots {
  // The tenants with running or waiting statements. The first of them has the next turn.
  const shares = new Map<string, Share>()
  let running = 0

  const hasRoom = (share: Share): boolean => running < total && share.running < perTenant

  function occupy(tenantId: string, share: Share): () => void {
    running++
    share.running++
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      running--
      share.running--
      forget(tenantId, share)
      startNext()
    }
  }

  function startNext(): void {
    for (const [tenantId, share] of shares) {
      if (running >= total) return
      if (share.waiting.length === 0 || !hasRoom(share)) continue
      // To the end of the line.
      shares.delete(tenantId)
      shares.set(tenantId, share)
      share.waiting.shift()!.start()
    }
  }

  function forget(tenantId: string, share: Share): void {
    if (share.running === 0 && share.waiting.length === 0) shares.delete(tenantId)
  }

  function shareOf(tenantId: string): Share {
    const known = shares.get(tenantId)
    if (known !== undefined) return known
    const share: Share = { running: 0, waiting: [] }
    shares.set(tenantId, share)
    return share
  }

  return {
    take: async (tenantId, signal, patienceMs) => {
      signal.throwIfAborted()
      const share = shareOf(tenantId)
      if (share.waiting.length === 0 && hasRoom(share)) return occupy(tenantId, share)
      if (share.waiting.length >= mostWaiting) throw new ReadsBusyError('too many reads wait')
      return new Promise((resolve, reject) => {
        const waiting: Waiting = {
          start: () => {
            done()
            resolve(occupy(tenantId, share))
          },
        }
        const leave = (reason: unknown): void => {
          done()
          share.waiting = share.waiting.filter((each) => each !== waiting)
          forget(tenantId, share)
          // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- the reason of a signal is its owner's
          reject(reason)
        }
        const onAbort = (): void => leave(signal.reason)
        const timer = setTimeout(() => {
          leave(new ReadsBusyError(`no room for a read within ${patienceMs} ms`))
        }, patienceMs)
        const done = (): void => {
          clearTimeout(timer)
          signal.removeEventListener('abort', onAbort)
        }
        signal.addEventListener('abort', onAbort)
        share.waiting.push(waiting)
      })
    },
  }
}
