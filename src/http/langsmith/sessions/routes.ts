import type { App, HttpParts } from '../../parts.ts'
import { deleteSessionsId } from './delete-sessions-id.ts'
import { deleteSessions } from './delete-sessions.ts'
import { getSessionsIdMetadata } from './get-sessions-id-metadata.ts'
import { getSessionsId } from './get-sessions-id.ts'
import { getSessions } from './get-sessions.ts'
import { patchSessionsId } from './patch-sessions-id.ts'
import { postDatasetsUploadExperiment } from './post-datasets-upload-experiment.ts'
import { postSessions } from './post-sessions.ts'

/** Sessions, which are experiments and tracing projects. */
export function sessionsRoutes(app: App, parts: HttpParts): void {
  deleteSessionsId(app, parts)
  deleteSessions(app, parts)
  getSessionsIdMetadata(app, parts)
  getSessionsId(app, parts)
  getSessions(app, parts)
  patchSessionsId(app, parts)
  postDatasetsUploadExperiment(app, parts)
  postSessions(app, parts)
}
