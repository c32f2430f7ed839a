import type { App, HttpParts } from '../../parts.ts'
import { postIngestion } from './post-ingestion.ts'
import { postTraces } from './post-traces.ts'

/** Traces and observations as the SDKs send them. */
export function ingestRoutes(app: App, parts: HttpParts): void {
  postIngestion(app, parts)
  postTraces(app, parts)
}
