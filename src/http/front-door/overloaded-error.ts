/** The server holds as many bytes of request bodies as it may. Each dialect answers 503 with `Retry-After`. */
export class OverloadedError extends Error {
  override name = 'OverloadedError'
  /** For routes that belong to no dialect: Fastify answers it by itself. */
  readonly statusCode = 503
}
