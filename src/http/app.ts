import cors from '@fastify/cors'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import fastify from 'fastify'
import {
  createJsonSchemaTransform,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod'
import { stringifyWithRaw } from '../domain/json.ts'
import { createAuthenticator } from './auth.ts'
import { blobs } from './blobs.ts'
import { readJsonBodies } from './body.ts'
import { decodeBodies } from './decode.ts'
import { langfuse } from './langfuse/plugin.ts'
import { langsmith } from './langsmith/plugin.ts'
import { operations } from './operations.ts'
import type { App, HttpParts } from './parts.ts'

export interface AppOptions extends Omit<HttpParts, 'auth'> {
  /** Largest request body, in bytes. */
  maxBodyBytes: number
}

/** Builds the HTTP server; the caller makes it listen and closes it. */
export async function buildApp({ maxBodyBytes, ...options }: AppOptions): Promise<App> {
  const parts: HttpParts = { ...options, auth: createAuthenticator(options.db) }
  const app = fastify({
    logger: false,
    bodyLimit: maxBodyBytes,
    rewriteUrl: (request) => stripPrefix(request.url ?? '/'),
    // Dataset and experiment names are path parameters (contracts/langfuse.md 1.6).
    routerOptions: { maxParamLength: 4096 },
    // A client that sends a body slowly, or keeps its connection, is not cut off (contracts/langsmith.md 2.6.2).
    requestTimeout: 0,
    forceCloseConnections: 'idle',
  }).withTypeProvider<ZodTypeProvider>()

  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(() => stringifyWithRaw)
  app.setReplySerializer(stringifyWithRaw)
  app.decorateRequest('principal')
  decodeBodies(app)
  readJsonBodies(app)

  await app.register(cors, { origin: true })
  await app.register(swagger, {
    openapi: { info: { title: 'Runmill', version: '0.1.0' } },
    transform: createJsonSchemaTransform({ skipList: [] }),
  })
  await app.register(swaggerUi, { routePrefix: '/docs' })
  await app.register(operations, parts)
  await app.register(blobs, parts)
  await app.register(langfuse, { prefix: '/api/public', ...parts })
  await app.register(langsmith, parts)
  return app
}

/**
 * LangSmith's SDKs call every route bare, under `/api/v1` and under `/api` (contracts/langsmith.md 1.1): the prefix is
 * stripped here, once, so that every route exists once. Langfuse's and our own prefixes stay.
 */
function stripPrefix(url: string): string {
  if (/^\/api\/(?:public|runmill)(?:[/?]|$)/.test(url)) return url
  const bare = url.replace(/^\/api(?:\/v1)?(?=[/?]|$)/, '').replace(/^\/v1\/platform(?=[/?]|$)/, '/platform')
  return bare.startsWith('/') ? bare : `/${bare}`
}
