/** A key or a tenant has sent too much for now. The message says of what, and may be shown to the client. */
export class LimitError extends Error {
  override name = 'LimitError'
  readonly retryAfterSeconds: number
  constructor(message: string, retryAfterSeconds: number) {
    super(message)
    this.retryAfterSeconds = retryAfterSeconds
  }
}
