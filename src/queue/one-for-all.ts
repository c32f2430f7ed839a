/** Runs the work at most once at a time. Those who ask while it runs share the run that begins afterwards. */
export function oneForAll(work: () => Promise<void>): () => Promise<void> {
  let last: Promise<void> = Promise.resolve()
  let next: Promise<void> | null = null
  return async () => {
    next ??= last
      .catch(() => {})
      .then(async () => {
        next = null
        last = work()
        await last
      })
    await next
  }
}
