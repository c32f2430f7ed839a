import { setTimeout } from 'node:timers/promises'

/** Requests that a server counts together, against one limit. */
export interface Bucket {
  /** Resolves when the next request may be sent. */
  enter(): Promise<void>
  /** The server has refused one: none is sent for so long. */
  refuse(waitMs: number): void
}

/** At most so many requests start within any span of so many milliseconds. */
export interface Pace {
  requests: number
  withinMs: number
}

export interface BucketClock {
  now(): number
  pause(ms: number): Promise<void>
}

const systemClock: BucketClock = {
  now: () => performance.now(),
  pause: async (ms) => setTimeout(ms),
}

/** @param pace null: the server tells by its refusals alone how fast it may be asked */
export function createBucket(pace: Pace | null, clock: BucketClock = systemClock): Bucket {
  /** The latest starts, also those that are still to come. */
  const starts: number[] = []
  let openAt = 0

  function nextStart(): number {
    const oldest = pace !== null && starts.length >= pace.requests ? starts.shift()! : null
    const at = Math.max(clock.now(), openAt, oldest === null ? 0 : oldest + (pace?.withinMs ?? 0))
    if (pace !== null) starts.push(at)
    return at
  }

  return {
    async enter() {
      let at = nextStart()
      for (;;) {
        const waitMs = at - clock.now()
        if (waitMs > 0) await clock.pause(waitMs)
        if (clock.now() >= openAt) return
        at = openAt
      }
    },
    refuse(waitMs) {
      openAt = Math.max(openAt, clock.now() + waitMs)
    },
  }
}
