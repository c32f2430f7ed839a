import cors from '@fastify/cors'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import fastify, { type FastifyError, type FastifyReply, type FastifyRequest } from 'fastify'
import {
  createJsonSchemaTransform,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod'
import { stringifyWithRaw } from '../domain/json.ts'
import { productVersion } from '../domain/version.ts'
import { createAuthenticator } from './auth.ts'
import { limitBytesInFlight } from './backpressure.ts'
import { blobs } from './blobs.ts'
import { readJsonBodies } from './body.ts'
import { decodeBodies } from './decode.ts'
import { langfuse } from './langfuse/plugin.ts'
import { langsmith } from './langsmith/plugin.ts'
import { health, type Progress } from './health.ts'
import { otlp, otlpOfLangfuse } from './otlp/plugin.ts'
import type { App, Services } from './services.ts'

export interface AppOptions extends Omit<Services, 'auth'> {
  /** Largest request body, in bytes. */
  maxBodyBytes: number
  /** Whose `X-Forwarded-Host` and `-Proto` are believed: false for nobody's, true for everybody's, or a list of addresses. */
  trustProxy: boolean | string
  /** Of the workers of this process; null when it has none. */
  progress: Progress | null
}

const langfusePrefix = '/api/public'

/**
 * Request bodies under way at once, in bytes: with what parsing adds, the API stays below 512 MiB (architecture.md 10),
 * and the last of them is answered within a second or so (bench/multipart.ts).
 */
const bytesInFlight = 48 * 1_048_576

/** Builds the HTTP server; the caller makes it listen and closes it. */
export async function buildApp({
  maxBodyBytes,
  trustProxy,
  progress,
  ...options
}: AppOptions): Promise<App> {
  const services: Services = { ...options, auth: createAuthenticator(options.db) }
  const app = fastify({
    logger: false,
    bodyLimit: maxBodyBytes,
    trustProxy,
    rewriteUrl: (request) => stripPrefix(request.url ?? '/'),
    // Dataset and experiment names are path parameters (contracts/langfuse.md 1.6).
    routerOptions: { maxParamLength: 4096 },
    // A client that sends a body slowly, or keeps its connection, is not cut off (contracts/langsmith.md 2.6.2).
    requestTimeout: 0,
    forceCloseConnections: 'idle',
    frameworkErrors: answerRouterError,
  }).withTypeProvider<ZodTypeProvider>()

  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(() => stringifyWithRaw)
  app.setReplySerializer(stringifyWithRaw)
  app.decorateRequest('principal')
  limitBytesInFlight(app, bytesInFlight)
  decodeBodies(app)
  readJsonBodies(app)
  // What was still being answered when the stop came would else keep its connection, and us, for 72 s.
  app.addHook('preClose', async () => {
    app.server.keepAliveTimeout = 1
  })

  await app.register(cors, {
    origin: true,
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
  })
  await app.register(swagger, {
    openapi: { info: { title: 'Runmill', version: productVersion } },
    transform: createJsonSchemaTransform({ skipList: [] }),
  })
  await app.register(swaggerUi, { routePrefix: '/docs' })
  await app.register(health, { ...services, progress })
  await app.register(blobs, services)
  await app.register(
    async (scope: App) => {
      await langfuse(scope, services)
      await scope.register(otlpOfLangfuse, services)
    },
    { prefix: langfusePrefix },
  )
  await app.register(otlp, services)
  await app.register(langsmith, services)
  return app
}

/** The router's own refusals (malformed percent-encoding, endless names) come before any dialect is found. */
function answerRouterError(
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const body = request.url.startsWith(langfusePrefix)
    ? { message: error.message, error: 'InvalidRequestError' }
    : { detail: error.message }
  void reply.code(error.statusCode ?? 400).send(body)
}

/**
 * LangSmith's SDKs call every route bare, under `/api/v1` and under `/api` (contracts/langsmith.md 1.1): the prefix is
 * stripped here, once, so that every route exists once. Langfuse's and our own prefixes stay. Exporters put their path
 * behind a base URL as it was given: one that ends in a slash makes two, and its spans would be lost.
 */
function stripPrefix(sent: string): string {
  const url = sent.replace(/^\/{2,}/, '/')
  if (/^\/api\/(?:public|runmill)(?:[/?]|$)/.test(url)) return url
  const bare = url
    .replace(/^\/api(?:\/v1)?(?=[/?]|$)/, '')
    .replace(/^\/v1\/platform(?=[/?]|$)/, '/platform')
  return bare.startsWith('/') ? bare : `/${bare}`
}
