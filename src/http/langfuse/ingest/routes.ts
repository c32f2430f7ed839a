import type { App, Services } from '../../services.ts'
import { postIngestion } from './post-ingestion.ts'
import { postTraces } from './post-traces.ts'

/** Traces and observations as the SDKs send them. */
export function ingestRoutes(app: App, services: Services): void {
  postIngestion(app, services)
  postTraces(app, services)
}
