import type { App, HttpParts } from '../parts.ts'
import { deleteRunsIdShare } from './delete-runs-id-share.ts'
import { getPublicTokenRun } from './get-public-token-run.ts'
import { getRunsIdShare } from './get-runs-id-share.ts'
import { getV2RunsId } from './get-v2-runs-id.ts'
import { getV2TracesIdRuns } from './get-v2-traces-id-runs.ts'
import { postPublicTokenRunsQuery } from './post-public-token-runs-query.ts'
import { postRunsDeleteTraces } from './post-runs-delete-traces.ts'
import { postRunsDelete } from './post-runs-delete.ts'
import { postRunsGroupStats } from './post-runs-group-stats.ts'
import { postRunsGroup } from './post-runs-group.ts'
import { postRunsQuery } from './post-runs-query.ts'
import { postRunsStats } from './post-runs-stats.ts'
import { postV2DatasetsIdExperimentRuns } from './post-v2-datasets-id-experiment-runs.ts'
import { postV2RunsQuery } from './post-v2-runs-query.ts'
import { putRunsIdShare } from './put-runs-id-share.ts'

/** Everything that looks for runs, counts, shares or deletes them. */
export function runReads(app: App, parts: HttpParts): void {
  postRunsQuery(app, parts)
  postRunsStats(app, parts)
  postRunsGroup(app, parts)
  postRunsGroupStats(app, parts)
  postRunsDelete(app, parts)
  postRunsDeleteTraces(app, parts)
  getRunsIdShare(app, parts)
  putRunsIdShare(app, parts)
  deleteRunsIdShare(app, parts)
  getPublicTokenRun(app, parts)
  postPublicTokenRunsQuery(app, parts)
  postV2RunsQuery(app, parts)
  getV2RunsId(app, parts)
  getV2TracesIdRuns(app, parts)
  postV2DatasetsIdExperimentRuns(app, parts)
}
