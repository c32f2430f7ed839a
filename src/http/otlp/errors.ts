/** An export that is refused as a whole. The message is for the client. */
export class OtlpError extends Error {
  override name = 'OtlpError'
  readonly status: number
  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.status = status
  }
}
