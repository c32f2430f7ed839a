import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { isTooDeep } from '../domain/json.ts'
import { BodyError } from './body-error.ts'
import { readBody } from './read-body.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * The JSON body as text. Payloads are cut out of it and never re-serialised (architecture.md 4.4). Empty when there
     * is no body.
     */
    bodyText: string
  }
}

/** Reads every body as JSON, whatever the content type says, and keeps its text. An empty body is `undefined`. */
export function readJsonBodies(app: FastifyInstance): void {
  app.decorateRequest('bodyText', '')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', async (request: FastifyRequest, payload: IncomingMessage) => {
    const bytes = await readBody(request, payload)
    await request.takeTurn()
    // Not fatal: bytes that are no UTF-8 become U+FFFD.
    const text = bytes.toString('utf8')
    request.bodyText = text
    if (text.trim() === '') return undefined
    if (isTooDeep(text)) throw new BodyError('depth')
    try {
      return JSON.parse(text) as unknown
    } catch {
      throw new BodyError('syntax')
    }
  })
}
