import type { App, Services } from '../../services.ts'
import { deleteExamples } from './delete-examples.ts'
import { getExamplesId } from './get-examples-id.ts'
import { getExamples } from './get-examples.ts'
import { patchExamples } from './patch-examples.ts'
import { platformExamplesRoutes } from './platform-examples.ts'
import { postExamples } from './post-examples.ts'
import { validateRoutes } from './validate.ts'

/** Examples of a dataset: read, written, checked and deleted. */
export function examplesRoutes(app: App, services: Services): void {
  postExamples(app, services)
  platformExamplesRoutes(app, services)
  validateRoutes(app, services)
  getExamples(app, services)
  getExamplesId(app, services)
  patchExamples(app, services)
  deleteExamples(app, services)
}
