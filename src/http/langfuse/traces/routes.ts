import type { App, Services } from '../../services.ts'
import { deleteTracesId } from './delete-traces-id.ts'
import { deleteTraces } from './delete-traces.ts'
import { getObservationsId } from './get-observations-id.ts'
import { getObservations } from './get-observations.ts'
import { getSessionsId } from './get-sessions-id.ts'
import { getSessions } from './get-sessions.ts'
import { getTracesId } from './get-traces-id.ts'
import { getTraces } from './get-traces.ts'
import { getV2Observations } from './get-v2-observations.ts'

/** Traces, their observations and the sessions that group them. */
export function tracesRoutes(app: App, services: Services): void {
  getObservations(app, services)
  getObservationsId(app, services)
  getSessions(app, services)
  getSessionsId(app, services)
  getTraces(app, services)
  deleteTraces(app, services)
  getTracesId(app, services)
  deleteTracesId(app, services)
  getV2Observations(app, services)
}
