import { AsyncLocalStorage } from 'node:async_hooks'

/** What the statements of a request that only reads need to know about it. */
export interface Reading {
  /** The tenant that its statements count towards. */
  tenantId: string
  /** Aborted once nobody waits for the answer any more. Its statements are then cancelled in Postgres. */
  signal: AbortSignal
  /** True once the answer has begun, so that a statement cannot be refused without cutting the answer off. */
  hasBegun(): boolean
}

const storage = new AsyncLocalStorage<Reading>()

let underWay = 0
let unused: NodeJS.Timeout | undefined

/**
 * While contexts are in use, Node up to 22 runs a hook for each promise of the process, about a tenth of what it costs to
 * accept a run. They are not in use after this time without a reading; long before, a handler whose client has left has
 * ended.
 */
const unusedAfterMs = 5000

/** Counts a reading that begins. @returns what is called when it has ended */
export function countReading(): () => void {
  underWay += 1
  clearTimeout(unused)
  let isOver = false
  return () => {
    if (isOver) return
    isOver = true
    underWay -= 1
    if (underWay === 0) unused = setTimeout(() => storage.disable(), unusedAfterMs).unref()
  }
}

/** Runs `work`. All statements that it runs, also later, belong to this reading. */
export function withReading<T>(reading: Reading, work: () => T): T {
  return storage.run(reading, work)
}

/** Runs `work` outside of any reading: nobody's leaving cancels its statements, and they wait for no turn. */
export function withoutReading<T>(work: () => T): T {
  return storage.exit(work)
}

/** Returns the reading that the running code belongs to; undefined for requests that write, and in workers. */
export function currentReading(): Reading | undefined {
  return storage.getStore()
}

/**
 * Binds an iterator to the current reading. A generator would otherwise run in the context of whoever asks for its next
 * value, which for a stream is the socket that has room again.
 */
export function keepReading<T>(source: AsyncIterable<T>): AsyncIterable<T> {
  const reading = storage.getStore()
  if (reading === undefined) return source
  return {
    [Symbol.asyncIterator]: () => {
      const iterator = source[Symbol.asyncIterator]()
      return {
        next: async () => storage.run(reading, async () => iterator.next()),
        return: async (value: unknown) => (await iterator.return?.(value)) ?? { done: true, value },
      }
    },
  }
}
