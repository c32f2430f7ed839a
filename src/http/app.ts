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
import { createBacklog } from '../queue/process-backlog.ts'
import { createAdmission } from './admission.ts'
import { createAuthenticator } from './auth.ts'
import { limitBytesInFlight } from './backpressure.ts'
import { blobs } from './blobs.ts'
import { readJsonBodies } from './body.ts'
import { decodeBodies } from './decode.ts'
import { langfuse } from './langfuse/plugin.ts'
import { langsmith } from './langsmith/plugin.ts'
import { health, type HealthServices, type Progress } from './health.ts'
import { otlp, otlpOfLangfuse } from './otlp/plugin.ts'
import { stopUnwantedReads } from './reads.ts'
import type { App, Services } from './services.ts'
import type { Db } from '../store/pool.ts'

export interface AppOptions extends Omit<Services, 'auth' | 'backlog' | 'admit'> {
  /** The size of the largest request body, in bytes. */
  maxBodyBytes: number
  /** How many bytes of events may wait in the queue. */
  backlogBytes: number
  /** How many requests a key may send in a second; 0 for any number. */
  rateLimit: number
  /**
   * Whose `X-Forwarded-Host` and `-Proto` are trusted: false for nobody's, true for everybody's, or a list of
   * addresses.
   */
  trustProxy: boolean | string
  /** The progress of the workers of this process; null when it has none. */
  progress: Progress | null
  unheldErrors?: HealthServices['unheldErrors']
  /** A pool of its own, so that readiness does not wait behind requests. */
  healthDb: Db
  /** Where keys are looked up. Whoever writes events waits for that too, so reads must not be able to fill it. */
  keysDb: Db
}

const langfusePrefix = '/api/public'

/**
 * The bytes of request bodies that may be in progress at once. With what parsing adds, the API stays below 512 MiB
 * (architecture.md 10), and the last of these requests is answered within about a second (bench/multipart.ts).
 */
const bytesInFlight = 48 * 1_048_576

/** Builds the HTTP server. The caller makes it listen, and closes it. */
export async function buildApp({
  maxBodyBytes,
  backlogBytes,
  rateLimit,
  trustProxy,
  progress,
  unheldErrors,
  healthDb,
  keysDb,
  ...options
}: AppOptions): Promise<App> {
  const backlog = createBacklog({ queue: options.queue, budgetBytes: backlogBytes })
  const admit = createAdmission({ backlog, requestsPerSecond: rateLimit })
  const services: Services = { ...options, auth: createAuthenticator(keysDb), backlog, admit }
  const app = fastify({
    logger: false,
    bodyLimit: maxBodyBytes,
    trustProxy,
    rewriteUrl: (request) => stripPrefix(request.url ?? '/'),
    // Names of datasets and experiments are path parameters (contracts/langfuse.md 1.6).
    routerOptions: { maxParamLength: 4096 },
    // A client that sends its body slowly, or keeps its connection open, is not cut off (contracts/langsmith.md 2.6.2).
    requestTimeout: 0,
    forceCloseConnections: 'idle',
    frameworkErrors: answerRouterError,
  }).withTypeProvider<ZodTypeProvider>()

  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(() => stringifyWithRaw)
  app.setReplySerializer(stringifyWithRaw)
  app.decorateRequest('principal')
  limitBytesInFlight(app, bytesInFlight)
  stopUnwantedReads(app)
  decodeBodies(app)
  readJsonBodies(app)
  app.addHook('onReady', async () => backlog.start())
  app.addHook('onClose', async () => backlog.stop())
  // Otherwise a connection that was still being answered when the server was told to stop would stay open, and keep the
  // process alive, for 72 s.
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
  await app.register(health, { ...services, db: healthDb, progress, unheldErrors })
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

/** Answers what the router itself refuses (malformed percent-encoding, overlong names) before any dialect is chosen. */
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
 * LangSmith's SDKs call every route without a prefix, under `/api/v1` and under `/api` (contracts/langsmith.md 1.1).
 * The prefix is stripped here, in one place, so that every route is registered once. The prefixes of Langfuse and our
 * own remain. Exporters append their path to the configured base URL; a base that ends in a slash gives two slashes,
 * and without this its spans would be lost.
 */
function stripPrefix(sent: string): string {
  const url = sent.replace(/^\/{2,}/, '/')
  if (/^\/api\/(?:public|runmill)(?:[/?]|$)/.test(url)) return url
  const bare = url
    .replace(/^\/api(?:\/v1)?(?=[/?]|$)/, '')
    .replace(/^\/v1\/platform(?=[/?]|$)/, '/platform')
  return bare.startsWith('/') ? bare : `/${bare}`
}
