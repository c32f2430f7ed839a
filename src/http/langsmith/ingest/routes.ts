import type { App, Services } from '../../services.ts'
import { postRunsBatch } from './post-runs-batch.ts'
import { postRunsMultipart } from './post-runs-multipart.ts'
import { singleRunRoutes } from './single-run.ts'

/** Runs as the SDKs send them: one at a time, in batches, and as multipart bodies. */
export function ingestRoutes(app: App, services: Services): void {
  singleRunRoutes(app, services)
  postRunsBatch(app, services)
  postRunsMultipart(app, services)
}
