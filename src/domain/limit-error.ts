/** What there is too much of. */
export type LimitReason =
  | 'rate_limit'
  | 'wrong_keys'
  | 'backlog'
  | 'tenant_backlog'
  | 'tenant_intake'
  | 'queue_memory'

/** A key or a tenant has sent too much for now. The message says of what, and may be shown to the client. */
export class LimitError extends Error {
  override name = 'LimitError'
  readonly reason: LimitReason
  readonly retryAfterSeconds: number
  constructor(reason: LimitReason, message: string, retryAfterSeconds: number) {
    // Under overload there are thousands a second, and nobody reads where they were thrown.
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    super(message)
    Error.stackTraceLimit = stackTraceLimit
    this.reason = reason
    this.retryAfterSeconds = retryAfterSeconds
  }
}
