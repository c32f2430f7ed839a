import type { App, Services } from '../../services.ts'
import { deleteSessions } from './delete-sessions.ts'
import { getSessionsIdMetadata } from './get-sessions-id-metadata.ts'
import { getSessionsId } from './get-sessions-id.ts'
import { getSessions } from './get-sessions.ts'
import { patchSessionsId } from './patch-sessions-id.ts'
import { postDatasetsUploadExperiment } from './post-datasets-upload-experiment.ts'
import { postSessions } from './post-sessions.ts'
import { publicRoutes } from './public.ts'

/** Sessions, which are experiments and tracing projects. */
export function sessionsRoutes(app: App, services: Services): void {
  postDatasetsUploadExperiment(app, services)
  postSessions(app, services)
  getSessions(app, services)
  deleteSessions(app, services)
  getSessionsId(app, services)
  patchSessionsId(app, services)
  getSessionsIdMetadata(app, services)
  publicRoutes(app, services)
}
