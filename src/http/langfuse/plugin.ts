import type { FastifyRequest } from 'fastify'
import { isAllowed, readBasic, readBearer, scopeOf, type Principal } from '../auth.ts'
import type { App, Services } from '../services.ts'
import { infoRoutes } from './info/routes.ts'
import { ingestRoutes } from './ingest/routes.ts'
import { scoresRoutes } from './scores/routes.ts'
import { mediaRoutes } from './media/routes.ts'
import { datasetsRoutes } from './datasets/routes.ts'
import { tracesRoutes } from './traces/routes.ts'
import { experimentsRoutes } from './experiments/routes.ts'
import { modelsRoutes } from './models/routes.ts'
import { documentErrors } from '../documented-answers.ts'
import { langfuseErrors } from './error-schemas.ts'
import { dropEmptyParameters } from './empty-parameters.ts'
import { answerError, LangfuseError, notFound } from './errors.ts'
import { collectPaths, refuseOtherMethods } from '../front-door/other-methods.ts'

/** Langfuse's REST API under `/api/public` (contracts/langfuse.md). */
export async function langfuse(app: App, services: Services): Promise<void> {
  app.setErrorHandler((error, request, reply) => answerError(services.log, error, request, reply))
  app.setNotFoundHandler(() => {
    throw notFound('Not found')
  })
  app.addHook('onRequest', async (request) => {
    if (scopeOf(request) === 'none') return
    request.principal = await authenticate(services, request)
    services.admit(request)
  })
  app.addHook('preValidation', dropEmptyParameters)
  documentErrors(app, langfuseErrors)
  const paths = collectPaths(app)
  infoRoutes(app)
  ingestRoutes(app, services)
  scoresRoutes(app, services)
  mediaRoutes(app, services)
  datasetsRoutes(app, services)
  tracesRoutes(app, services)
  experimentsRoutes(app, services)
  modelsRoutes(app, services)
  // Last: it answers for every path above.
  refuseOtherMethods(
    app,
    paths,
    () => new LangfuseError(405, 'Method not allowed', 'MethodNotAllowedError'),
  )
}

/** @throws LangfuseError 401 or 403 in the words of contracts/langfuse.md 1.2 */
async function authenticate({ auth }: Services, request: FastifyRequest): Promise<Principal> {
  const header = request.headers.authorization
  if (header === undefined) throw new LangfuseError(401, 'No authorization header', null)
  const principal = /^basic/i.test(header)
    ? await findByBasic(auth, header, request.ip)
    : await findByBearer(auth, header, request.ip)
  const scope = scopeOf(request)
  if (scope !== 'none' && !isAllowed(principal, scope)) {
    throw new LangfuseError(403, 'Access denied - insufficient permissions for this endpoint', null)
  }
  return principal
}

const hostHint = "Confirm that you've configured the correct host."

async function findByBasic(
  auth: Services['auth'],
  header: string,
  address: string,
): Promise<Principal> {
  const credentials = readBasic(header)
  if (credentials === null)
    throw new LangfuseError(401, `Invalid authorization header. ${hostHint}`, null)
  const principal = await auth.findPrincipal(credentials, address)
  if (principal === null) throw new LangfuseError(401, `Invalid credentials. ${hostHint}`, null)
  return principal
}

/**
 * The secret may also be sent as a Bearer token (architecture.md 3). A public key as a Bearer token may only send
 * scores.
 */
async function findByBearer(
  auth: Services['auth'],
  header: string,
  address: string,
): Promise<Principal> {
  const token = readBearer(header)
  if (token === null) throw new LangfuseError(401, 'Invalid authorization header', null)
  const kinds = [
    { publicKey: null, secret: token },
    { publicKey: token, secret: null },
  ]
  // What is right is then mostly found at once: a wrong key costs a query.
  if (token.startsWith('pk-')) kinds.reverse()
  const principal =
    (await auth.findPrincipal(kinds[0]!, address)) ?? (await auth.findPrincipal(kinds[1]!, address))
  if (principal === null) throw new LangfuseError(401, `Invalid public key. ${hostHint}`, null)
  return principal
}
