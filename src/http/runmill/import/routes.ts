import type { App, Services } from '../../services.ts'
import { postImportBlobs } from './blobs.ts'
import { importConfigRoutes } from './configs.ts'
import { postImportDatasets } from './datasets.ts'
import { postImportExamples } from './examples.ts'
import { postImportExperiments } from './experiments.ts'
import { postImportRunItems } from './run-items.ts'

/** `/api/runmill/import`: writes what another server has, where the dialects' own routes cannot set its ids or times. */
export function importRoutes(app: App, services: Services): void {
  postImportDatasets(app, services)
  postImportExamples(app, services)
  postImportExperiments(app, services)
  importConfigRoutes(app, services)
  postImportRunItems(app, services)
  postImportBlobs(app, services)
}
