/** The server holds as many bytes of request bodies as it may. Each dialect answers 503 with `Retry-After`. */
export class OverloadedError extends Error {
  override name = 'OverloadedError'
}
