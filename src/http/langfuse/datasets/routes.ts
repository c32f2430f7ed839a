import type { App, HttpParts } from '../../parts.ts'
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
export function datasetsRoutes(app: App, parts: HttpParts): void {
  deleteDatasetItemsId(app, parts)
  deleteDatasetsNameRunsRunName(app, parts)
  getDatasetItemsId(app, parts)
  getDatasetItems(app, parts)
  getDatasetRunItems(app, parts)
  getDatasetsNameRunsRunName(app, parts)
  getDatasetsNameRuns(app, parts)
  getDatasetsName(app, parts)
  getDatasets(app, parts)
  getV2DatasetsName(app, parts)
  getV2Datasets(app, parts)
  postDatasetItems(app, parts)
  postDatasetRunItems(app, parts)
  postDatasets(app, parts)
  postV2Datasets(app, parts)
}
