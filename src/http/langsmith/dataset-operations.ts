import type { App, HttpParts } from '../parts.ts'
import { deleteDatasetsIdShare } from './delete-datasets-id-share.ts'
import { getDatasetsIdCsv } from './get-datasets-id-csv.ts'
import { getDatasetsIdJsonl } from './get-datasets-id-jsonl.ts'
import { getDatasetsIdOpenaiFt } from './get-datasets-id-openai-ft.ts'
import { getDatasetsIdOpenai } from './get-datasets-id-openai.ts'
import { getDatasetsIdShare } from './get-datasets-id-share.ts'
import { getDatasetsIdSplits } from './get-datasets-id-splits.ts'
import { getDatasetsIdVersion } from './get-datasets-id-version.ts'
import { getDatasetsIdVersionsDiff } from './get-datasets-id-versions-diff.ts'
import { getDatasetsIdVersions } from './get-datasets-id-versions.ts'
import { getPublicTokenDatasets } from './get-public-token-datasets.ts'
import { getPublicTokenExamplesCount } from './get-public-token-examples-count.ts'
import { getPublicTokenExamples } from './get-public-token-examples.ts'
import { postDatasetsClone } from './post-datasets-clone.ts'
import { postDatasetsUpload } from './post-datasets-upload.ts'
import { postExamplesUploadDatasetId } from './post-examples-upload-dataset-id.ts'
import { putDatasetsIdShare } from './put-datasets-id-share.ts'
import { putDatasetsIdSplits } from './put-datasets-id-splits.ts'
import { putDatasetsIdTags } from './put-datasets-id-tags.ts'

/** What is done with a dataset as a whole: versions, splits, copies, sharing, files. */
export function datasetOperations(app: App, parts: HttpParts): void {
  getDatasetsIdVersions(app, parts)
  getDatasetsIdVersion(app, parts)
  getDatasetsIdVersionsDiff(app, parts)
  putDatasetsIdTags(app, parts)
  getDatasetsIdSplits(app, parts)
  putDatasetsIdSplits(app, parts)
  postDatasetsClone(app, parts)
  getDatasetsIdShare(app, parts)
  putDatasetsIdShare(app, parts)
  deleteDatasetsIdShare(app, parts)
  getPublicTokenDatasets(app, parts)
  getPublicTokenExamples(app, parts)
  getPublicTokenExamplesCount(app, parts)
  postDatasetsUpload(app, parts)
  postExamplesUploadDatasetId(app, parts)
  getDatasetsIdCsv(app, parts)
  getDatasetsIdJsonl(app, parts)
  getDatasetsIdOpenai(app, parts)
  getDatasetsIdOpenaiFt(app, parts)
}
