import { STATUS_CODES } from 'node:http'
import type { RouteOptions } from 'fastify'
import {
  createJsonSchemaTransform,
  createJsonSchemaTransformObject,
} from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Scope } from './auth.ts'
import type { App } from './services.ts'

/*
 * Answers as the OpenAPI document shows them. Nothing is serialised by these schemas: the tests compare every answer with
 * them.
 */

/** An answer for which a schema alone is not enough: it is no JSON, has headers, or is streamed. */
export interface DocumentedAnswer {
  description: string
  /** Names of headers, and what they hold. */
  headers?: Record<string, { type: string; description: string }>
  /** What the body is, by media type. */
  content: Record<string, { schema: z.ZodType }>
}

/** Answers by status. */
export type DocumentedAnswers = Record<number, DocumentedAnswer | z.ZodType>

/** @param content the schema of a JSON body, or schemas by media type */
export function answerOf(
  status: number,
  content: z.ZodType | Record<string, z.ZodType>,
): DocumentedAnswer {
  const byType = content instanceof z.ZodType ? { 'application/json': content } : content
  return {
    description: STATUS_CODES[status] ?? 'Answer',
    ...(status === 429 || status === 503 ? { headers: { 'Retry-After': retryAfter } } : {}),
    content: Object.fromEntries(Object.entries(byType).map(([type, schema]) => [type, { schema }])),
  }
}

/** What the HTTP server itself refuses, without a body. */
export const serverErrors: DocumentedAnswers = {
  431: z.undefined().describe('The URL and the headers have more than 16 KiB'),
}

const retryAfter = { type: 'integer', description: 'Seconds after which to come again' }

/**
 * Adds to every route that is registered after this call the answers that can come to any request. What a route declares
 * itself stays.
 * @param answersTo returns the answers for a route
 */
export function documentErrors(
  app: App,
  answersTo: (route: RouteOptions) => DocumentedAnswers,
): void {
  app.addHook('onRoute', (route) => {
    if (route.schema?.hide === true) return
    const own = route.schema?.response as object | undefined
    route.schema = { ...route.schema, response: { ...answersTo(route), ...own } }
  })
}

/** True where a request may have a body. */
export function takesBody({ method }: RouteOptions): boolean {
  return [method].flat().some((one) => one !== 'GET' && one !== 'HEAD')
}

type Transform = ReturnType<typeof createJsonSchemaTransform>

/** Turns the zod schemas of a route into JSON schemas, for @fastify/swagger. */
export function documentRoutes(): Transform {
  const transform = createJsonSchemaTransform({ skipList: [] })
  return (route) => {
    const made = transform(route)
    const sent = (route.schema?.response ?? {}) as DocumentedAnswers
    const shown = (made.schema?.response ?? {}) as Record<string, object>
    for (const [status, answer] of Object.entries(sent)) {
      // The transform leaves headers out.
      if ('headers' in answer && shown[status] !== undefined) {
        Object.assign(shown[status], { headers: answer.headers })
      }
    }
    const { scope } = route.route.config ?? {}
    return { ...made, schema: { ...made.schema, security: keysFor(made.url, scope) } }
  }
}

/** How a request can say whose it is, as OpenAPI names it. */
export const securitySchemes = {
  basic: {
    type: 'http',
    scheme: 'basic',
    description: 'For Langfuse’s API: the public key as the user, the secret key as the password.',
  },
  apiKey: {
    type: 'apiKey',
    in: 'header',
    name: 'x-api-key',
    description: 'For all other routes: the secret key.',
  },
} as const

/** Which of these a route takes; none where it needs no key. */
function keysFor(url: string, scope: Scope | 'none' | undefined): { [name: string]: string[] }[] {
  if (scope === 'none') return []
  return [url.startsWith('/api/public') ? { basic: [] } : { apiKey: [] }]
}

/** Lists the schemas that have an id once, for all routes. */
export const documentSchemas: ReturnType<typeof createJsonSchemaTransformObject> = (document) => {
  const made = createJsonSchemaTransformObject({})(document)
  const schemas: object = ('components' in made && made.components?.schemas) || {}
  // Each is listed a second time as an input, and no request has one.
  const unused = Object.keys(schemas).filter((name) => name.endsWith('Input'))
  for (const name of unused) Reflect.deleteProperty(schemas, name)
  return made
}
