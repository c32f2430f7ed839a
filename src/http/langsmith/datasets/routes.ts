import type { App, Services } from '../../services.ts'
import { deleteDatasets } from './delete-datasets.ts'
import { exportRoutes } from './export.ts'
import { getDatasetsId } from './get-datasets-id.ts'
import { getDatasets } from './get-datasets.ts'
import { getV2Datasets } from './get-v2-datasets.ts'
import { patchDatasetsId } from './patch-datasets-id.ts'
import { postDatasetsClone } from './post-datasets-clone.ts'
import { postDatasetsUpload } from './post-datasets-upload.ts'
import { postDatasets } from './post-datasets.ts'
import { postExamplesUploadDatasetId } from './post-examples-upload-dataset-id.ts'
import { publicRoutes } from './public.ts'
import { putDatasetsIdTags } from './put-datasets-id-tags.ts'
import { shareRoutes } from './share.ts'
import { splitsRoutes } from './splits.ts'
import { versionsRoutes } from './versions.ts'

/** Datasets as a whole: versions, tags, splits, copies, sharing, and files in and out. */
export function datasetsRoutes(app: App, services: Services): void {
  postDatasets(app, services)
  postDatasetsUpload(app, services)
  postDatasetsClone(app, services)
  postExamplesUploadDatasetId(app, services)
  getDatasets(app, services)
  getV2Datasets(app, services)
  getDatasetsId(app, services)
  exportRoutes(app, services)
  splitsRoutes(app, services)
  versionsRoutes(app, services)
  putDatasetsIdTags(app, services)
  shareRoutes(app, services)
  publicRoutes(app, services)
  patchDatasetsId(app, services)
  deleteDatasets(app, services)
}
