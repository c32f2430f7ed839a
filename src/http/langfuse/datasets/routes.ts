import type { App, Services } from '../../services.ts'
import { datasetItemsIdRoutes } from './dataset-items-id.ts'
import { datasetRunsRoutes } from './dataset-runs.ts'
import { getDatasetItems } from './get-dataset-items.ts'
import { getDatasetRunItems } from './get-dataset-run-items.ts'
import { getDatasetsName } from './get-datasets-name.ts'
import { getDatasets } from './get-datasets.ts'
import { postDatasetItems } from './post-dataset-items.ts'
import { postDatasetRunItems } from './post-dataset-run-items.ts'
import { postDatasets } from './post-datasets.ts'

/** Datasets, their items, their runs and the items of those runs. */
export function datasetsRoutes(app: App, services: Services): void {
  postDatasets(app, services)
  getDatasets(app, services)
  getDatasetsName(app, services)
  postDatasetItems(app, services)
  getDatasetItems(app, services)
  datasetItemsIdRoutes(app, services)
  datasetRunsRoutes(app, services)
  postDatasetRunItems(app, services)
  getDatasetRunItems(app, services)
}
