import { setTimeout as pause } from 'node:timers/promises'
import type { Backlog } from './backlog.ts'
import type { Load } from './load.ts'

/** How long it took after a fault, in milliseconds; null when it did not happen within the limit. */
export interface Recovery {
  /** Until every API had acknowledged a write that began after the fault. */
  acknowledgedMs: number | null
  /** Until everything that had been acknowledged by then was readable. */
  visibleMs: number | null
}

/** Notes for each API when the newest write began that it acknowledged. */
export function watchRecovery(load: Load, backlog: Backlog, apis: number) {
  const newest = Array.from({ length: apis }, () => 0)
  load.onAcknowledged((api, begun) => {
    newest[api] = Math.max(newest[api]!, begun)
  })

  /** Resolves when the system is back to normal, or after `limitMs`. */
  return async function measure(limitMs: number): Promise<Recovery> {
    const from = Date.now()
    const recovery: Recovery = { acknowledgedMs: null, visibleMs: null }
    for (;;) {
      const now = Date.now()
      if (recovery.acknowledgedMs === null && newest.every((begun) => begun >= from)) {
        recovery.acknowledgedMs = now - from
      }
      const { acknowledgedMs } = recovery
      if (acknowledgedMs !== null && backlog.oldestAt() > from + acknowledgedMs) {
        recovery.visibleMs = now - from
      }
      if (recovery.visibleMs !== null || now - from > limitMs) return recovery
      await pause(50)
    }
  }
}
