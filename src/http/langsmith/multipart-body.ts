import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { isTooDeep } from '../../domain/json.ts'
import type { JsonText } from '../../domain/entities.ts'
import type { Part } from '../multipart.ts'
import type { App } from '../services.ts'

/**
 * The limit of multipart bodies is at least this many bytes after decompression (contracts/langsmith.md 2.4.3, 2.6.2).
 */
const minBodyLimit = 100 * 1_048_576

/**
 * The limit of a multipart body in bytes after decompression. It also bounds the JSON in it, which is held in memory.
 */
export function multipartLimit(app: App): number {
  return Math.max(app.initialConfig.bodyLimit ?? 0, minBodyLimit)
}

/** Registers routes whose `request.body` is the stream of a multipart body, in a Fastify scope of their own. */
export function streamMultipart(app: App, addRoutes: (scope: App) => void): void {
  app.register(async (scope: App) => {
    scope.addContentTypeParser('multipart/form-data', (_request, payload, done) => {
      done(null, payload)
    })
    addRoutes(scope)
  })
}

/** Documents a body that is read as a stream. @param names patterns of the names of its parts */
export function partsSchema(names: readonly string[]) {
  const part = { type: 'string', format: 'binary' }
  return z.unknown().meta({
    type: 'object',
    properties: Object.fromEntries(names.map((name) => [name, part])),
  })
}

/**
 * Reads a part that holds JSON. Bytes that are not UTF-8 become U+FFFD.
 * @throws OverloadedError when the server holds too many bytes already
 */
export async function readText(part: Part, request: FastifyRequest): Promise<JsonText> {
  const chunks: Buffer[] = []
  for await (const chunk of part.body) {
    request.holdBytes(chunk.length)
    chunks.push(chunk)
  }
  const bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
  return bytes.toString('utf8').trim()
}

/** @returns why the text is refused as JSON, or null when it is not */
export function problemOfJson(text: JsonText): string | null {
  if (isTooDeep(text)) return 'JSON nests too deep'
  try {
    JSON.parse(text)
  } catch {
    return 'Invalid JSON'
  }
  return null
}
