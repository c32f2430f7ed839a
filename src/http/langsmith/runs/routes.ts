import type { App, Services } from '../../services.ts'
import { getRunsId } from './get-runs-id.ts'
import { getV2RunsId } from './get-v2-runs-id.ts'
import { getV2RunsIdUrl } from './get-v2-runs-id-url.ts'
import { getV2TracesIdRuns } from './get-v2-traces-id-runs.ts'
import { postRunsDelete } from './post-runs-delete.ts'
import { postRunsGroup } from './post-runs-group.ts'
import { postRunsQuery } from './post-runs-query.ts'
import { postRunsStats } from './post-runs-stats.ts'
import { postV2RunsQuery } from './post-v2-runs-query.ts'
import { postV2TracesQuery } from './post-v2-traces-query.ts'
import { publicRoutes } from './public.ts'
import { publicV2Routes } from './public-v2.ts'
import { shareRoutes } from './share.ts'
import { shareV2Routes } from './share-v2.ts'

/** Reads of runs, statistics over them, links that share them, and their deletion. */
export function runsRoutes(app: App, services: Services): void {
  getRunsId(app, services)
  getV2RunsId(app, services)
  getV2RunsIdUrl(app, services)
  getV2TracesIdRuns(app, services)
  postRunsQuery(app, services)
  postV2RunsQuery(app, services)
  postV2TracesQuery(app, services)
  postRunsStats(app, services)
  postRunsGroup(app, services)
  shareRoutes(app, services)
  shareV2Routes(app, services)
  publicRoutes(app, services)
  publicV2Routes(app, services)
  postRunsDelete(app, services)
}
