const everyMs = 200

/** Tells on standard error how far long work is, in one line that is overwritten; only where that is a terminal. */
export function createProgress(): { tell(text: string): void; end(): void } {
  const { stderr } = process
  let last = 0
  let hasTold = false
  return {
    tell(text) {
      const now = performance.now()
      if (!stderr.isTTY || now - last < everyMs) return
      last = now
      hasTold = true
      stderr.write(`\r\u001B[K${text}`)
    },
    end() {
      if (hasTold) stderr.write('\r\u001B[K')
      hasTold = false
    },
  }
}
