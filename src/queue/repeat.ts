import { setTimeout as pause } from 'node:timers/promises'

/** Does `work` again and again, with a pause before each time, until the signal. `work` does not reject. */
export async function repeatEvery(
  ms: number,
  signal: AbortSignal,
  work: () => Promise<void>,
): Promise<void> {
  for (;;) {
    await pause(ms, undefined, { signal, ref: false }).catch(() => {})
    if (signal.aborted) return
    await work()
  }
}
