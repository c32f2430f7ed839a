import type { App, Services } from '../../services.ts'
import { deleteDatasetsIdShare } from './delete-datasets-id-share.ts'
import { deleteDatasetsId } from './delete-datasets-id.ts'
import { deleteDatasets } from './delete-datasets.ts'
import { getDatasetsIdCsv } from './get-datasets-id-csv.ts'
import { getDatasetsIdJsonl } from './get-datasets-id-jsonl.ts'
import { getDatasetsIdOpenaiFt } from './get-datasets-id-openai-ft.ts'
import { getDatasetsIdOpenai } from './get-datasets-id-openai.ts'
import { getDatasetsIdShare } from './get-datasets-id-share.ts'
import { getDatasetsIdSplits } from './get-datasets-id-splits.ts'
import { getDatasetsIdVersion } from './get-datasets-id-version.ts'
import { getDatasetsIdVersionsDiff } from './get-datasets-id-versions-diff.ts'
import { getDatasetsIdVersions } from './get-datasets-id-versions.ts'
import { getDatasetsId } from './get-datasets-id.ts'
import { getDatasets } from './get-datasets.ts'
import { getPublicTokenDatasets } from './get-public-token-datasets.ts'
import { getPublicTokenExamplesCount } from './get-public-token-examples-count.ts'
import { getPublicTokenExamples } from './get-public-token-examples.ts'
import { patchDatasetsId } from './patch-datasets-id.ts'
import { postDatasetsClone } from './post-datasets-clone.ts'
import { postDatasetsUpload } from './post-datasets-upload.ts'
import { postDatasets } from './post-datasets.ts'
import { postExamplesUploadDatasetId } from './post-examples-upload-dataset-id.ts'
import { putDatasetsIdShare } from './put-datasets-id-share.ts'
import { putDatasetsIdSplits } from './put-datasets-id-splits.ts'
import { putDatasetsIdTags } from './put-datasets-id-tags.ts'

/** Datasets as a whole: versions, tags, splits, copies, sharing, and files in and out. */
export function datasetsRoutes(app: App, services: Services): void {
  postDatasets(app, services)
  getDatasets(app, services)
  deleteDatasets(app, services)
  postDatasetsClone(app, services)
  getDatasetsId(app, services)
  patchDatasetsId(app, services)
  deleteDatasetsId(app, services)
  getDatasetsIdCsv(app, services)
  getDatasetsIdJsonl(app, services)
  getDatasetsIdOpenai(app, services)
  getDatasetsIdOpenaiFt(app, services)
  getDatasetsIdShare(app, services)
  putDatasetsIdShare(app, services)
  deleteDatasetsIdShare(app, services)
  getDatasetsIdSplits(app, services)
  putDatasetsIdSplits(app, services)
  putDatasetsIdTags(app, services)
  getDatasetsIdVersion(app, services)
  getDatasetsIdVersions(app, services)
  getDatasetsIdVersionsDiff(app, services)
  postDatasetsUpload(app, services)
  postExamplesUploadDatasetId(app, services)
  getPublicTokenDatasets(app, services)
  getPublicTokenExamples(app, services)
  getPublicTokenExamplesCount(app, services)
}
