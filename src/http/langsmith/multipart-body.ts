import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { isTooDeep } from '../../domain/json.ts'
import type { JsonText } from '../../domain/entities.ts'
import type { Part } from '../multipart.ts'
import type { App } from '../services.ts'

/** Smallest limit of a multipart body, in bytes after decompression (contracts/langsmith.md 2.4.3). */
const minBodyLimit = 100 * 1_048_576

/** Bytes of a multipart body, after decompression: also of the JSON in it, which is held in memory. */
export function multipartLimit(app: App): number {
  return Math.max(app.initialConfig.bodyLimit ?? 0, minBodyLimit)
}

/** A scope of its own for routes whose `request.body` is a stream: multipart bodies are handed over unread. */
export function streamMultipart(app: App, addRoutes: (scope: App) => void): void {
  app.register(async (scope: App) => {
    scope.addContentTypeParser('multipart/form-data', (_request, payload, done) => {
      done(null, payload)
    })
    addRoutes(scope)
  })
}

/** A body that is read as a stream, for the documentation: its parts by the patterns of their names. */
export function partsSchema(names: readonly string[]) {
  const part = { type: 'string', format: 'binary' }
  return z.unknown().meta({
    type: 'object',
    properties: Object.fromEntries(names.map((name) => [name, part])),
  })
}

/**
 * The whole of a part that holds JSON. Bytes that are no UTF-8 become U+FFFD.
 * @throws OverloadedError when there is no room for it now
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

/** Why a text cannot be taken for JSON; null when it can. */
export function problemOfJson(text: JsonText): string | null {
  if (isTooDeep(text)) return 'JSON nests too deep'
  try {
    JSON.parse(text)
  } catch {
    return 'Invalid JSON'
  }
  return null
}
