import type { FastifyInstance } from 'fastify'
import { isTooDeep } from '../domain/json.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * The JSON body as text. Payloads are cut out of it and never re-serialised (architecture.md 4.4). Empty when there
     * is no body.
     */
    bodyText: string
  }
}

/**
 * The body is not JSON, is nested too deeply, is not encoded as its header says, or breaks off. Each dialect answers in
 * its own shape.
 */
export class BodyError extends Error {
  override name = 'BodyError'
  readonly reason: BodyErrorReason
  /** @param message for the client; the default message states the reason */
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

/** Reads every body as JSON, whatever its content type says, and keeps its text. An empty body becomes `undefined`. */
export function readJsonBodies(app: FastifyInstance): void {
  app.decorateRequest('bodyText', '')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body, done) => {
    // Bytes that are not UTF-8 become U+FFFD instead of causing an error.
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
