import type { App, Services } from '../../services.ts'
import { deleteExamplesId } from './delete-examples-id.ts'
import { deleteExamples } from './delete-examples.ts'
import { getExamplesCount } from './get-examples-count.ts'
import { getExamplesId } from './get-examples-id.ts'
import { getExamples } from './get-examples.ts'
import { patchExamplesBulk } from './patch-examples-bulk.ts'
import { patchExamplesId } from './patch-examples-id.ts'
import { patchPlatformDatasetsIdExamples } from './patch-platform-datasets-id-examples.ts'
import { postExamplesBulk } from './post-examples-bulk.ts'
import { postExamplesValidateBulk } from './post-examples-validate-bulk.ts'
import { postExamplesValidate } from './post-examples-validate.ts'
import { postExamples } from './post-examples.ts'
import { postPlatformDatasetsExamplesDelete } from './post-platform-datasets-examples-delete.ts'
import { postPlatformDatasetsIdExamples } from './post-platform-datasets-id-examples.ts'

/** Examples of a dataset: read, written, checked and deleted. */
export function examplesRoutes(app: App, services: Services): void {
  postExamples(app, services)
  getExamples(app, services)
  deleteExamples(app, services)
  postExamplesBulk(app, services)
  patchExamplesBulk(app, services)
  getExamplesCount(app, services)
  getExamplesId(app, services)
  patchExamplesId(app, services)
  deleteExamplesId(app, services)
  postExamplesValidate(app, services)
  postExamplesValidateBulk(app, services)
  postPlatformDatasetsExamplesDelete(app, services)
  postPlatformDatasetsIdExamples(app, services)
  patchPlatformDatasetsIdExamples(app, services)
}
