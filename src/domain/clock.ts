import { fromEpochMs, type Timestamp } from './timestamp.ts'

/** The source of time. It is passed as an argument, so that tests can move it. */
export interface Clock {
  now(): Timestamp
}

export const systemClock: Clock = {
  now: () => fromEpochMs(Date.now())!,
}
