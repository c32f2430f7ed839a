import type { App, HttpParts } from '../parts.ts'
import { deleteSessionsId } from './delete-sessions-id.ts'
import { deleteSessions } from './delete-sessions.ts'
import { getSessionsId } from './get-sessions-id.ts'
import { getSessions } from './get-sessions.ts'
import { patchSessionsId } from './patch-sessions-id.ts'
import { postSessions } from './post-sessions.ts'

/** Datasets, examples, sessions: written straight to Postgres and read back at once. */
export function controlPlane(app: App, parts: HttpParts): void {
  postSessions(app, parts)
  getSessions(app, parts)
  getSessionsId(app, parts)
  patchSessionsId(app, parts)
  deleteSessionsId(app, parts)
  deleteSessions(app, parts)
}
