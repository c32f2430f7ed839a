import type { FastifyRequest } from 'fastify'
import { isAllowed, type Principal, readCredentials, scopeOf } from '../auth.ts'
import { documentErrors } from '../documented-answers.ts'
import { collectPaths, refuseOtherMethods } from '../front-door/other-methods.ts'
import type { App, Services } from '../services.ts'
import { infoRoutes } from './info/routes.ts'
import { feedbackRoutes } from './feedback/routes.ts'
import { runsRoutes } from './runs/routes.ts'
import { ingestRoutes } from './ingest/routes.ts'
import { examplesRoutes } from './examples/routes.ts'
import { datasetsRoutes } from './datasets/routes.ts'
import { sessionsRoutes } from './sessions/routes.ts'
import { threadsRoutes } from './threads/routes.ts'
import { comparisonsRoutes } from './comparisons/routes.ts'
import { pricesRoutes } from './prices/routes.ts'
import { langsmithErrors } from './error-schemas.ts'
import { answerError, LangsmithError, notFound } from './errors.ts'

/**
 * LangSmith's REST API. Its routes have no prefix, because `/api/v1` and `/api` are stripped before routing
 * (contracts/langsmith.md 1.1).
 */
export async function langsmith(app: App, services: Services): Promise<void> {
  app.setErrorHandler((error, request, reply) => answerError(services.log, error, request, reply))
  app.setNotFoundHandler(() => {
    throw notFound()
  })
  app.addHook('onRequest', async (request) => {
    if (scopeOf(request) === 'none') return
    request.principal = await authenticate(services, request)
    services.admit(request)
  })
  documentErrors(app, langsmithErrors)
  const paths = collectPaths(app)
  infoRoutes(app)
  feedbackRoutes(app, services)
  runsRoutes(app, services)
  threadsRoutes(app, services)
  ingestRoutes(app, services)
  examplesRoutes(app, services)
  datasetsRoutes(app, services)
  sessionsRoutes(app, services)
  comparisonsRoutes(app, services)
  pricesRoutes(app, services)
  // Last: it answers for every path above.
  refuseOtherMethods(app, paths)
}

/** @throws LangsmithError 401 or 403 (contracts/langsmith.md 1.2) */
async function authenticate({ auth }: Services, request: FastifyRequest): Promise<Principal> {
  const credentials = readCredentials(request)
  const principal = credentials === null ? null : await auth.findPrincipal(credentials, request.ip)
  if (principal === null) throw new LangsmithError(401, 'Invalid token')
  const scope = scopeOf(request)
  if (scope !== 'none' && !isAllowed(principal, scope)) throw new LangsmithError(403, 'Forbidden')
  return principal
}
