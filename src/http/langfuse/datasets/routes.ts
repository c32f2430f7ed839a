import type { App, Services } from '../../services.ts'
import { deleteDatasetItemsId } from './delete-dataset-items-id.ts'
import { deleteDatasetsNameRunsRunName } from './delete-datasets-name-runs-run-name.ts'
import { getDatasetItemsId } from './get-dataset-items-id.ts'
import { getDatasetItems } from './get-dataset-items.ts'
import { getDatasetRunItems } from './get-dataset-run-items.ts'
import { getDatasetsNameRunsRunName } from './get-datasets-name-runs-run-name.ts'
import { getDatasetsNameRuns } from './get-datasets-name-runs.ts'
import { getDatasetsName } from './get-datasets-name.ts'
import { getDatasets } from './get-datasets.ts'
import { getV2DatasetsName } from './get-v2-datasets-name.ts'
import { getV2Datasets } from './get-v2-datasets.ts'
import { postDatasetItems } from './post-dataset-items.ts'
import { postDatasetRunItems } from './post-dataset-run-items.ts'
import { postDatasets } from './post-datasets.ts'
import { postV2Datasets } from './post-v2-datasets.ts'

/** Datasets, their items, their runs and the items of those runs. */
export function datasetsRoutes(app: App, services: Services): void {
  postDatasetItems(app, services)
  getDatasetItems(app, services)
  getDatasetItemsId(app, services)
  deleteDatasetItemsId(app, services)
  postDatasetRunItems(app, services)
  getDatasetRunItems(app, services)
  postDatasets(app, services)
  getDatasets(app, services)
  getDatasetsName(app, services)
  getDatasetsNameRuns(app, services)
  getDatasetsNameRunsRunName(app, services)
  deleteDatasetsNameRunsRunName(app, services)
  postV2Datasets(app, services)
  getV2Datasets(app, services)
  getV2DatasetsName(app, services)
}
