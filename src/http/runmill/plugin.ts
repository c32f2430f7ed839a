import type { FastifyRequest } from 'fastify'
import { isAllowed, type Principal, readCredentials, scopeOf } from '../auth.ts'
import { createColumnStore } from '../../store/read/compare/column-store.ts'
import { documentErrors } from '../documented-answers.ts'
import { collectPaths, refuseOtherMethods } from '../front-door/other-methods.ts'
import type { BoardPasses } from '../pages/board-pass.ts'
import type { App, Services } from '../services.ts'
import { postCompare } from './compare.ts'
import { datasetRoutes } from './datasets.ts'
import { deadLetterRoutes } from './dead-letters.ts'
import { answerError, RunmillError, runmillErrors } from './errors.ts'
import { getExperimentsIdItems } from './experiment-items.ts'
import { experimentRoutes } from './experiments.ts'
import { getIngestion, type IngestionServices } from './ingestion.ts'
import { postQueuesPass } from './queues.ts'
import { getRuns, getRunsId } from './runs.ts'
import { scoreDirectionRoutes } from './score-directions.ts'
import { traceRoutes } from './traces.ts'
import { getExperimentRows } from './experiment-rows.ts'
import { importRoutes } from './import/routes.ts'

/** Our own API, under `/api/runmill`. Keys are sent as in either dialect. */
export async function runmill(
  app: App,
  services: IngestionServices & { boardPasses: BoardPasses },
): Promise<void> {
  app.setErrorHandler((error, request, reply) => answerError(services.log, error, request, reply))
  app.addHook('onRequest', async (request) => {
    if (scopeOf(request) === 'none') return
    request.principal = await authenticate(services, request)
    services.admit(request)
  })
  documentErrors(app, runmillErrors)
  const paths = collectPaths(app)
  const columns = createColumnStore(services.db)
  postCompare(app, services, columns)
  scoreDirectionRoutes(app, services)
  getIngestion(app, services)
  deadLetterRoutes(app, services)
  getRuns(app, services)
  getRunsId(app, services)
  traceRoutes(app, services)
  getExperimentsIdItems(app, services, columns)
  datasetRoutes(app, services)
  experimentRoutes(app, services, columns)
  getExperimentRows(app, services)
  postQueuesPass(app, services)
  importRoutes(app, services)
  // Last: it answers for every path above.
  refuseOtherMethods(app, paths)
}

async function authenticate({ auth }: Services, request: FastifyRequest): Promise<Principal> {
  const credentials = readCredentials(request)
  const principal = credentials === null ? null : await auth.findPrincipal(credentials, request.ip)
  if (principal === null) throw new RunmillError(401, 'Invalid key')
  const scope = scopeOf(request)
  if (scope !== 'none' && !isAllowed(principal, scope)) throw new RunmillError(403, 'Forbidden')
  return principal
}
