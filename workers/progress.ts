import type { Clock } from '../src/domain/clock.ts'
import { toEpochMs } from '../src/domain/timestamp.ts'

/** When the workers of this process last finished something, for its readiness. */
export interface WorkerProgress {
  /** Epoch milliseconds; at first, the start. */
  lastAt(): number
  finished(): void
}

export function createProgress(clock: Clock): WorkerProgress {
  let last = toEpochMs(clock.now())
  return {
    lastAt: () => last,
    finished: () => {
      last = toEpochMs(clock.now())
    },
  }
}
