import type { FastifyInstance } from 'fastify'
import { isTooDeep } from '../domain/json.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * The JSON body as text: payloads are cut out of it, never re-written (architecture.md 4.4). Empty without a body.
     */
    bodyText: string
  }
}

/** The body is no JSON, nests too deep, is not encoded as it says, or breaks off. Each dialect answers in its own shape. */
export class BodyError extends Error {
  override name = 'BodyError'
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

/** Reads every body as JSON, whatever the content type says, and keeps its text. An empty body is `undefined`. */
export function readJsonBodies(app: FastifyInstance): void {
  app.decorateRequest('bodyText', '')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body, done) => {
    // Not fatal: bytes that are no UTF-8 become U+FFFD.
    const text = body.toString('utf8')
    request.bodyText = text
    if (text.trim() === '') return done(null, undefined)
    if (isTooDeep(text)) return done(new BodyError('depth'))
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      return done(new BodyError('syntax'))
    }
    done(null, value)
  })
}
