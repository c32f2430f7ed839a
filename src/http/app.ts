import cors from '@fastify/cors'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import fastify, { type FastifyError, type FastifyReply, type FastifyRequest } from 'fastify'
import { validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import { stringifyWithRaw } from '../domain/raw-json.ts'
import type { Tracing } from '../domain/tracing.ts'
import { productVersion } from '../domain/version.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { createFlow } from '../queue/flow.ts'
import { createBacklog } from '../queue/process-backlog.ts'
import { createAdmission } from './front-door/admission.ts'
import { createAuthenticator } from './auth.ts'
import { type ByteLimits, limitBytesInFlight } from './front-door/backpressure.ts'
import { blobs } from './blobs.ts'
import { readJsonBodies } from './body.ts'
import { limitConnections } from './front-door/connections.ts'
import { sendLongAnswersAsBytes } from './answer-bytes.ts'
import { decodeBodies } from './decode.ts'
import { documentRoutes, documentSchemas, securitySchemes } from './documented-answers.ts'
import { drainOnDemand } from './front-door/draining.ts'
import { createExperimentIds } from './experiment-ids.ts'
import { countFailedKeys } from './front-door/failed-keys.ts'
import { createKeyCache } from './key-cache.ts'
import { logRequests, type TellRequest } from './front-door/request-log.ts'
import { traceRequests } from './front-door/request-spans.ts'
import { createCountedPage } from './langfuse/counted-page.ts'
import { langfuse } from './langfuse/plugin.ts'
import { answerRouterError as answerLangsmithError } from './langsmith/errors.ts'
import { langsmith } from './langsmith/plugin.ts'
import { createHealthState, health, type Progress } from './health/health.ts'
import { passUnknownMethod, refuseConnect } from './front-door/other-methods.ts'
import { otlp, otlpOfLangfuse } from './otlp/plugin.ts'
import { serveOwnPathsOnly } from './front-door/own-paths.ts'
import { createBoardPasses } from './pages/board-pass.ts'
import { pages } from './pages/plugin.ts'
import { runmill } from './runmill/plugin.ts'
import { stopUnwantedReads } from './reads.ts'
import { watchRefusals } from './front-door/refusals.ts'
import { docsPolicy, headersOfData, setSecurityHeaders } from './front-door/security-headers.ts'
import type { App, Services } from './services.ts'
import { endSlowBodies, type RateLimits } from './front-door/slow-bodies.ts'
import { countIntake, createIntake } from './front-door/intake.ts'
import { shareLoop } from './front-door/turns.ts'
import type { Db } from '../store/pool.ts'
import type { Replica } from '../store/replica.ts'

/** What is built here. */
type Made = 'auth' | 'backlog' | 'admit' | 'experimentIds' | 'countedPage'

export interface AppOptions extends Omit<Services, Made> {
  /** The size of the largest request body, in bytes. */
  maxBodyBytes: number
  /** How many bytes of events may wait in the queue. */
  backlogBytes: number
  /** How many requests a key may send in a second; 0 for any number. */
  rateLimit: number
  /**
   * Whose `X-Forwarded-For`, `-Host` and `-Proto` are trusted: false for nobody's, true for everybody's, or a list of
   * addresses.
   */
  trustProxy: boolean | string
  /** The progress of the workers of this process; null when it has none. */
  progress: Progress | null
  metrics: Metrics
  /** A pool of its own, so that readiness does not wait behind requests. */
  healthDb: Db
  /** Where reads go when they may; null when there is none. */
  replica: Pick<Replica, 'problem'> | null
  /** Where keys are looked up. Whoever writes events waits for that too, so reads must not be able to fill it. */
  keysDb: Db
  /** Told of every request once it is answered. Absent: nobody asked for that. */
  tellRequest?: TellRequest
  /** null, or absent: nobody asked for traces. */
  tracing?: Tracing | null
  /** Tests set limits that are easy to reach. */
  limits?: Partial<FrontDoorLimits>
}

const langfusePrefix = '/api/public'

/** Limits on what clients may take of the server. */
export interface FrontDoorLimits extends ByteLimits, RateLimits {
  /** The number of connections that may be open at once. */
  connections: number
  /** The time in which the headers of a request must have arrived, in milliseconds. */
  headersMs: number
}

const mebibyte = 1_048_576

/**
 * With 48 MiB of bodies, and what parsing adds, the API stays below 512 MiB (architecture.md 10), and the last of these
 * requests is answered within about a second (bench/multipart.ts). The slowest mobile networks carry 4 KiB a second, and a
 * client may pause for several seconds (contracts/langsmith.md 2.6.2).
 */
const defaultLimits: FrontDoorLimits = {
  bytesInFlight: 48 * mebibyte,
  keylessBytesInFlight: mebibyte,
  keylessBodyBytes: mebibyte / 4,
  slowBodyMs: 30_000,
  slowBodyBytesPerSecond: 4096,
  connections: 2000,
  headersMs: 15_000,
}

/** Builds the HTTP server. The caller makes it listen, and closes it. */
export async function buildApp({
  maxBodyBytes,
  backlogBytes,
  rateLimit,
  trustProxy,
  progress,
  metrics,
  healthDb,
  replica,
  keysDb,
  tellRequest,
  tracing = null,
  limits: givenLimits,
  ...options
}: AppOptions): Promise<App> {
  const limits = { ...defaultLimits, ...givenLimits }
  const flow = createFlow()
  const backlog = createBacklog({ queue: options.queue, budgetBytes: backlogBytes, flow })
  const intake = createIntake()
  const admit = createAdmission({ backlog, intake, requestsPerSecond: rateLimit })
  const app = fastify({
    logger: false,
    bodyLimit: maxBodyBytes,
    trustProxy,
    rewriteUrl: (request) => {
      passUnknownMethod(request)
      return stripPrefix(request.url ?? '/')
    },
    // Names of datasets and experiments are path parameters (contracts/langfuse.md 1.6).
    routerOptions: { maxParamLength: 4096 },
    // A whole request has no time limit. The rule of slow-bodies.ts lets a client pause, and send for as long as it needs.
    requestTimeout: 0,
    http: {
      headersTimeout: limits.headersMs,
      connectionsCheckingInterval: Math.min(limits.headersMs / 3, 5000),
    },
    forceCloseConnections: 'idle',
    frameworkErrors: answerRouterError,
  }).withTypeProvider<ZodTypeProvider>()

  const keys = createKeyCache(keysDb, countFailedKeys(app))
  const auth = createAuthenticator(keysDb, keys)
  const experimentIds = createExperimentIds(options.db)
  const made = { auth, backlog, admit, experimentIds, countedPage: createCountedPage() }
  const services: Services = { ...options, ...made }
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(() => stringifyWithRaw)
  app.setReplySerializer(stringifyWithRaw)
  app.decorateRequest('principal')
  app.decorateRequest('begunAt', 0)
  if (tellRequest !== undefined) logRequests(app, tellRequest)
  traceRequests(app, tracing)
  watchRefusals(app, metrics, options.log, flow)
  setSecurityHeaders(app)
  serveOwnPathsOnly(app)
  endSlowBodies(app, limits)
  limitConnections(app, limits.connections)
  limitBytesInFlight(app, limits)
  countIntake(app, intake)
  shareLoop(app)
  refuseConnect(app)
  app.addHook('preHandler', (request, _, done) => {
    request.begunAt = performance.now()
    done()
  })
  stopUnwantedReads(app)
  decodeBodies(app)
  sendLongAnswersAsBytes(app)
  readJsonBodies(app)
  for (const each of [backlog, keys]) {
    app.addHook('onReady', async () => each.start())
    app.addHook('onClose', async () => each.stop())
  }
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
    openapi: {
      info: { title: 'Runmill', version: productVersion },
      components: { securitySchemes },
    },
    transform: documentRoutes(),
    transformObject: documentSchemas,
  })
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: docsPolicy,
    theme: { title: 'Runmill’s API' },
  })
  app.decorate(
    'healthState',
    createHealthState({
      ...services,
      db: healthDb,
      progress,
      metrics,
      replica,
      hearsApplied: true,
    }),
  )
  drainOnDemand(app, app.healthState.stopping)
  await app.register(health, app.healthState)
  await app.register(blobs, services)
  await app.register(
    async (scope: App) => {
      await langfuse(scope, services)
      await scope.register(otlpOfLangfuse, services)
    },
    { prefix: langfusePrefix },
  )
  const boardPasses = createBoardPasses(services)
  const own = { ...services, backlog, flow, health: app.healthState, boardPasses }
  await app.register(runmill, { ...own, prefix: '/api/runmill' })
  await app.register(otlp, services)
  await app.register(langsmith, services)
  await app.register(pages, { ...services, boardPasses })
  return app
}

/** Answers what the router itself refuses (malformed percent-encoding, overlong names) before any dialect is chosen. */
function answerRouterError(
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  // No hook runs for these requests.
  reply.code(error.statusCode ?? 400).headers(headersOfData)
  if (request.url.startsWith(langfusePrefix)) {
    reply.send({ message: error.message, error: 'InvalidRequestError' })
  } else if (request.url.startsWith('/api/runmill')) reply.send({ error: error.message })
  else answerLangsmithError(error, request, reply)
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
