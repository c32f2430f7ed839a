import type { App, HttpParts } from '../parts.ts'
import { datasetOperations } from './dataset-operations.ts'
import { deleteDatasetsId } from './delete-datasets-id.ts'
import { deleteDatasets } from './delete-datasets.ts'
import { deleteSessionsId } from './delete-sessions-id.ts'
import { deleteSessions } from './delete-sessions.ts'
import { getDatasetsId } from './get-datasets-id.ts'
import { getDatasets } from './get-datasets.ts'
import { getSessionsId } from './get-sessions-id.ts'
import { getSessions } from './get-sessions.ts'
import { patchDatasetsId } from './patch-datasets-id.ts'
import { patchSessionsId } from './patch-sessions-id.ts'
import { postDatasets } from './post-datasets.ts'
import { postSessions } from './post-sessions.ts'

/** Datasets, examples, sessions: written straight to Postgres and read back at once. */
export function controlPlane(app: App, parts: HttpParts): void {
  postSessions(app, parts)
  getSessions(app, parts)
  getSessionsId(app, parts)
  patchSessionsId(app, parts)
  deleteSessionsId(app, parts)
  deleteSessions(app, parts)
  postDatasets(app, parts)
  getDatasets(app, parts)
  getDatasetsId(app, parts)
  patchDatasetsId(app, parts)
  deleteDatasetsId(app, parts)
  deleteDatasets(app, parts)
  datasetOperations(app, parts)
}
