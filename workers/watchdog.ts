import type { WorkerProgress } from './progress.ts'

export interface WatchdogOptions {
  progress: Pick<WorkerProgress, 'lanes'>
  /** Asks Postgres and the queue for a sign of life. @throws when one of them gives none */
  contact(): Promise<unknown>
  /** Called once. @param seconds for how long nothing was finished */
  onStuck(seconds: number): void
  /** How long a lane may hold jobs and give no sign of progress. */
  stuckMs?: number
  everyMs?: number
}

export interface Watchdog {
  /** For how long a lane of this process has held jobs and has given no sign of progress, in milliseconds. */
  stillMs(): number
  stop(): void
}

/**
 * Half a minute after a stuck process is no longer ready (health.ts), and a minute more: so the time limit of a
 * statement, after which the workers go on by themselves, is over first.
 */
const defaultStuckMs = 90_000

/**
 * Finds workers that are stuck for good, so that their process can be started again: they hold jobs and finish none,
 * although Postgres and the queue answer. If one of those is away, a new start would not help.
 *
 * The time is counted by a timer and not by a clock: a process that was suspended is not stuck because of that.
 */
export function startWatchdog({
  progress,
  contact,
  onStuck,
  stuckMs = defaultStuckMs,
  everyMs = 1_000,
}: WatchdogOptions): Watchdog {
  let lanes: { signs: number; stillMs: number }[] = []
  let isAsking = false
  const stillMs = (): number => Math.max(0, ...lanes.map((lane) => lane.stillMs))

  function count(): void {
    lanes = progress.lanes().map(({ held, signs }, i) => {
      const before = lanes[i]
      const isStill = held > 0 && before?.signs === signs
      return { signs, stillMs: isStill ? before.stillMs + everyMs : 0 }
    })
  }

  async function look(): Promise<void> {
    count()
    if (stillMs() < stuckMs || isAsking) return
    isAsking = true
    try {
      await contact()
      // Something may have been finished meanwhile.
      if (stillMs() < stuckMs) return
      clearInterval(timer)
      onStuck(Math.round(stillMs() / 1000))
    } catch {
      lanes = []
    } finally {
      isAsking = false
    }
  }

  const timer = setInterval(() => void look(), everyMs).unref()
  return { stillMs, stop: () => clearInterval(timer) }
}
