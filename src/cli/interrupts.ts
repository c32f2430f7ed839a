import { constants } from 'node:os'

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Calls back once somebody stops the command, in place of what Node does then.
 * @param act gets the exit code by which shells know that a signal ended a command
 * @returns what takes that back
 */
export function onInterrupt(act: (code: number) => void): () => void {
  const listener = (signal: NodeJS.Signals): void => act(128 + constants.signals[signal])
  for (const signal of signals) process.once(signal, listener)
  return () => {
    for (const signal of signals) process.off(signal, listener)
  }
}
