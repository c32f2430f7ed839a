import type { App, HttpParts } from '../../parts.ts'
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
export function tracesRoutes(app: App, parts: HttpParts): void {
  deleteTracesId(app, parts)
  deleteTraces(app, parts)
  getObservationsId(app, parts)
  getObservations(app, parts)
  getSessionsId(app, parts)
  getSessions(app, parts)
  getTracesId(app, parts)
  getTraces(app, parts)
  getV2Observations(app, parts)
}
