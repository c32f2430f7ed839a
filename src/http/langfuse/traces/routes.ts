import type { App, Services } from '../../services.ts'
import { deleteTraces } from './delete-traces.ts'
import { getObservations } from './get-observations.ts'
import { getTracesId } from './get-traces-id.ts'
import { getTraces } from './get-traces.ts'
import { getV2Observations } from './get-v2-observations.ts'
import { sessionsRoutes } from './sessions.ts'

/** Traces, their observations and the sessions that group them. */
export function tracesRoutes(app: App, services: Services): void {
  getTraces(app, services)
  getTracesId(app, services)
  deleteTraces(app, services)
  getObservations(app, services)
  getV2Observations(app, services)
  sessionsRoutes(app, services)
}
