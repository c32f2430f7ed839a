import type { App, Services } from '../../services.ts'
import { patchRunsId } from './patch-runs-id.ts'
import { postRunsBatch } from './post-runs-batch.ts'
import { postRunsMultipart } from './post-runs-multipart.ts'
import { postRuns } from './post-runs.ts'

/** Runs as the SDKs send them: one at a time, in batches, and as multipart bodies. */
export function ingestRoutes(app: App, services: Services): void {
  postRuns(app, services)
  postRunsBatch(app, services)
  patchRunsId(app, services)
  postRunsMultipart(app, services)
}
