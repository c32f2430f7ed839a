import type { Clock } from '../src/domain/clock.ts'
import { toEpochMs } from '../src/domain/timestamp.ts'

/** When the workers of this process last finished a batch. The readiness check looks at it. */
export interface WorkerProgress {
  /** Epoch milliseconds. Until something is finished, the time of the start. */
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
