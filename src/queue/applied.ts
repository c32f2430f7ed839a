import type { AppliedWatch } from './backend.ts'

/** The longest message: Postgres takes less than 8,000 bytes in one NOTIFY. */
const messageBytes = 7_000

export interface AppliedSignals {
  announce(batchIds: string[]): void
  watch(batchId: string): AppliedWatch
  /** Calls `listener` with every announcement, of this process or another. */
  listen(listener: (batchIds: string[]) => void): void
  /** Takes in a message that another process published. */
  deliver(message: string): void
  /** The number of batches that this process waits for. */
  watched(): number
}

interface Watcher {
  applied: boolean
  /** Wakes the callers of `wait`. */
  wake: Set<() => void>
}

/**
 * The half of `announceApplied` and `watchApplied` that works inside a process. Watchers of this process hear at
 * once. What goes out to other processes is gathered over one turn of the event loop and cut into messages.
 * @param publish sends one message to all processes; must not throw
 */
export function appliedSignals(publish?: (message: string) => void): AppliedSignals {
  const watchers = new Map<string, Set<Watcher>>()
  const listeners: ((batchIds: string[]) => void)[] = []
  let outgoing: string[] = []

  function wakeLocal(batchIds: string[]): void {
    for (const listener of listeners) listener(batchIds)
    for (const batchId of batchIds) {
      for (const watcher of watchers.get(batchId) ?? []) {
        watcher.applied = true
        for (const wake of watcher.wake) wake()
      }
    }
  }

  function flush(): void {
    const batchIds = outgoing
    outgoing = []
    for (const message of toMessages(batchIds)) publish?.(message)
  }

  return {
    announce(batchIds) {
      wakeLocal(batchIds)
      if (!publish || batchIds.length === 0) return
      if (outgoing.length === 0) setImmediate(flush)
      outgoing.push(...batchIds)
    },
    watch(batchId) {
      const watcher: Watcher = { applied: false, wake: new Set() }
      const group = watchers.get(batchId) ?? new Set()
      watchers.set(batchId, group.add(watcher))
      return {
        wait: (timeoutMs) => waitFor(watcher, timeoutMs),
        cancel() {
          group.delete(watcher)
          if (group.size === 0 && watchers.get(batchId) === group) watchers.delete(batchId)
          for (const wake of watcher.wake) wake()
        },
      }
    },
    listen: (listener) => void listeners.push(listener),
    deliver: (message) => wakeLocal(message.split('\n')),
    watched: () => watchers.size,
  }
}

function waitFor(watcher: Watcher, timeoutMs: number): Promise<boolean> {
  if (watcher.applied) return Promise.resolve(true)
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer)
      watcher.wake.delete(finish)
      resolve(watcher.applied)
    }
    const timer = setTimeout(finish, timeoutMs)
    watcher.wake.add(finish)
  })
}

/** Joins ids with line feeds, which batch ids do not contain. */
function toMessages(batchIds: string[]): string[] {
  const messages: string[] = []
  let lines: string[] = []
  let bytes = 0
  for (const batchId of batchIds) {
    const more = Buffer.byteLength(batchId) + 1
    if (bytes + more > messageBytes && lines.length > 0) {
      messages.push(lines.join('\n'))
      lines = []
      bytes = 0
    }
    lines.push(batchId)
    bytes += more
  }
  if (lines.length > 0) messages.push(lines.join('\n'))
  return messages
}
