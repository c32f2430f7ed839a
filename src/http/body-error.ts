/**
 * The body is no JSON, nests too deep, is not encoded as it says, or breaks off. Each dialect answers in its own shape.
 */
export class BodyError extends Error {
  override name = 'BodyError'
  /** For routes that belong to no dialect: Fastify answers it by itself. */
  readonly statusCode = 400
  readonly reason: BodyErrorReason
  /** @param message for the client; the default says what the reason says */
  constructor(reason: BodyErrorReason, message: string = messages[reason], options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}

type BodyErrorReason = keyof typeof messages

const messages = {
  syntax: 'Invalid JSON',
  depth: 'JSON nests too deep',
  encoding: 'Invalid compressed data',
  length: 'The body ended too early',
}
