import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { isTooDeep } from '../domain/json.ts'
import { BodyError } from './body-error.ts'
import { readBody } from './read-body.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route reads `bodyText` alone, so what was parsed is not kept, and `body` is undefined. */
    readsText?: boolean
  }
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
    const chunks = await readBody(request, payload)
    await request.takeTurn()
    const text = textOf(chunks)
    request.bodyText = text
    if (text.trim() === '') return undefined
    if (isTooDeep(text)) throw new BodyError('depth')
    try {
      const body: unknown = JSON.parse(text)
      return request.routeOptions.config.readsText === true ? undefined : body
    } catch {
      throw new BodyError('syntax')
    }
  })
}

/** Larger bodies are joined in memory of their own. */
const joined = Buffer.allocUnsafeSlow(1_048_576)

/** Bytes that are no UTF-8 become U+FFFD. */
function textOf(chunks: readonly Buffer[]): string {
  if (chunks.length === 1) return chunks[0]!.toString('utf8')
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  if (length > joined.length) return Buffer.concat(chunks, length).toString('utf8')
  let end = 0
  for (const chunk of chunks) end += chunk.copy(joined, end)
  return joined.toString('utf8', 0, end)
}
