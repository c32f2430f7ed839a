import { setTimeout } from 'node:timers/promises'
import type { Log } from '../src/domain/log.ts'
import { isRetryable } from '../src/store/errors.ts'

const firstRetryMs = 100
const lastRetryMs = 5000

/** Repeats `work` while the database is away, busy or in conflict (SPEC I6). No attempt of the job is used up. */
export async function untilAvailable<T>(
  { log, progress }: { log: Log; progress: { waits(): void } },
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  for (let delayMs = firstRetryMs; ; delayMs = Math.min(delayMs * 2, lastRetryMs)) {
    try {
      return await work()
    } catch (error) {
      if (!isRetryable(error)) throw error
      progress.waits()
      log.warn({ err: error, delayMs }, 'database unavailable, waiting')
      await pause(delayMs, signal)
    }
  }
}

/** @throws the signal's reason when the process stops meanwhile */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  // When aborted, the timer rejects with an error of its own; the caller wants the signal's reason.
  await setTimeout(ms, undefined, { signal }).catch(() => {})
  signal.throwIfAborted()
}
