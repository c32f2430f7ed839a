import type { App, Services } from '../../services.ts'
import { deleteRunsIdShare } from './delete-runs-id-share.ts'
import { getPublicTokenRun } from './get-public-token-run.ts'
import { getRunsIdShare } from './get-runs-id-share.ts'
import { getRunsId } from './get-runs-id.ts'
import { getV2RunsId } from './get-v2-runs-id.ts'
import { getV2TracesIdRuns } from './get-v2-traces-id-runs.ts'
import { postPublicTokenRunsQuery } from './post-public-token-runs-query.ts'
import { postRunsDeleteTraces } from './post-runs-delete-traces.ts'
import { postRunsDelete } from './post-runs-delete.ts'
import { postRunsGroupStats } from './post-runs-group-stats.ts'
import { postRunsGroup } from './post-runs-group.ts'
import { postRunsQuery } from './post-runs-query.ts'
import { postRunsStats } from './post-runs-stats.ts'
import { postV2RunsQuery } from './post-v2-runs-query.ts'
import { putRunsIdShare } from './put-runs-id-share.ts'

/** Reads of runs, statistics over them, links that share them, and their deletion. */
export function runsRoutes(app: App, services: Services): void {
  getPublicTokenRun(app, services)
  postPublicTokenRunsQuery(app, services)
  postRunsDelete(app, services)
  postRunsDeleteTraces(app, services)
  postRunsGroup(app, services)
  postRunsGroupStats(app, services)
  getRunsId(app, services)
  getRunsIdShare(app, services)
  putRunsIdShare(app, services)
  deleteRunsIdShare(app, services)
  postRunsQuery(app, services)
  postRunsStats(app, services)
  getV2RunsId(app, services)
  postV2RunsQuery(app, services)
  getV2TracesIdRuns(app, services)
}
