/*
 * What this process and `npm start`, whose child it then is, tell each other (scripts/supervise.mjs). Without a
 * supervisor nobody listens, and nothing is heard.
 */

/** Tells that the server is ready. */
export function tellSupervisor(message: 'ready'): void {
  if (process.connected) process.send?.(message)
}

/** Calls `listener` when the supervisor tells how often it has started the server again, by how it had ended. */
export function onRestarts(listener: (timesByEnd: Readonly<Record<string, number>>) => void): void {
  process.on('message', (message) => {
    if (typeof message !== 'object' || message === null || !('restarts' in message)) return
    const entries = Object.entries(message.restarts ?? {}).map(
      ([end, times]) => [end, Number(times)] as const,
    )
    listener(Object.fromEntries(entries))
  })
}
