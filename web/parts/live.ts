import { useRef } from 'preact/hooks'

/** After so long without a change, in milliseconds, nothing more is expected: what crashed stays unfinished for ever. */
const patienceMs = 600_000

/**
 * How often to read again what is unfinished, in milliseconds.
 * @returns for `refetchInterval`, given what was read last: the same object while it has not changed
 */
export function useLive(everyMs: number): (read: unknown, isUnfinished: boolean) => number | false {
  const last = useRef<{ read: unknown; changedAt: number } | null>(null)
  return (read, isUnfinished) => {
    if (last.current === null || last.current.read !== read) {
      last.current = { read, changedAt: Date.now() }
    }
    const isWaiting = Date.now() - last.current.changedAt < patienceMs
    return isUnfinished && isWaiting ? everyMs : false
  }
}
