import type { App, Services } from '../../services.ts'
import { attachmentsOperations } from '../attachments.ts'
import { exampleUpdate, updateExamples } from './example-writes.ts'
import { platformExamples } from './platform-examples.ts'

const info = exampleUpdate.pick({ metadata: true, split: true, overwrite: true })

/**
 * Changes examples of one dataset and their attachments, all or none, as one version; what is absent stays
 * (contracts/langsmith.md 2.4.3).
 */
export function patchPlatformDatasetsIdExamples(app: App, services: Services): void {
  platformExamples(app, services, {
    method: 'PATCH',
    summary: 'Change examples of one dataset and their attachments, all or none',
    info,
    operations: attachmentsOperations,
    write: async (tenantId, datasetId, given) =>
      updateExamples(services, tenantId, datasetId, given),
  })
}
