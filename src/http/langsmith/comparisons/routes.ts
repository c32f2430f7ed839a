import type { App, Services } from '../../services.ts'
import { deleteDatasetsComparativeId } from './delete-datasets-comparative-id.ts'
import { getDatasetsIdComparative } from './get-datasets-id-comparative.ts'
import { postDatasetsComparative } from './post-datasets-comparative.ts'
import { postDatasetsIdGroupRuns } from './post-datasets-id-group-runs.ts'
import { postDatasetsIdRunsDelta } from './post-datasets-id-runs-delta.ts'
import { postDatasetsIdRuns } from './post-datasets-id-runs.ts'
import { postV2DatasetsIdExperimentRuns } from './post-v2-datasets-id-experiment-runs.ts'

/** Experiments side by side: examples with their runs, groups, differences, and saved comparisons. */
export function comparisonsRoutes(app: App, services: Services): void {
  postDatasetsComparative(app, services)
  deleteDatasetsComparativeId(app, services)
  getDatasetsIdComparative(app, services)
  postDatasetsIdGroupRuns(app, services)
  postDatasetsIdRuns(app, services)
  postDatasetsIdRunsDelta(app, services)
  postV2DatasetsIdExperimentRuns(app, services)
}
