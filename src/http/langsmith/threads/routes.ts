import type { App, Services } from '../../services.ts'
import { getV2ThreadsIdStats } from './get-v2-threads-id-stats.ts'
import { getV2ThreadsIdTraces } from './get-v2-threads-id-traces.ts'
import { postV2ThreadsQuery } from './post-v2-threads-query.ts'
import { postV2ThreadsStats } from './post-v2-threads-stats.ts'

/** Threads: the traces of one conversation (contracts/langsmith.md 2.10.5). */
export function threadsRoutes(app: App, services: Services): void {
  postV2ThreadsQuery(app, services)
  postV2ThreadsStats(app, services)
  getV2ThreadsIdTraces(app, services)
  getV2ThreadsIdStats(app, services)
}
