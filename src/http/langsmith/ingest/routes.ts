import type { App, HttpParts } from '../../parts.ts'
import { patchRunsId } from './patch-runs-id.ts'
import { postRunsBatch } from './post-runs-batch.ts'
import { postRunsMultipart } from './post-runs-multipart.ts'
import { postRuns } from './post-runs.ts'

/** Runs as the SDKs send them: one at a time, in batches, and as multipart bodies. */
export function ingestRoutes(app: App, parts: HttpParts): void {
  patchRunsId(app, parts)
  postRunsBatch(app, parts)
  postRunsMultipart(app, parts)
  postRuns(app, parts)
}
