import { fromEpochMs, type Timestamp } from './timestamp.ts'

/** Time is an argument: tests pass a clock that they move. */
export interface Clock {
  now(): Timestamp
}

export const systemClock: Clock = {
  now: () => fromEpochMs(Date.now())!,
}
