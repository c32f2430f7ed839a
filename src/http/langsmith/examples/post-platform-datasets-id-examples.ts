import { createExamples, exampleCreate } from './example-writes.ts'
import type { App, Services } from '../../services.ts'
import { platformExamples } from './platform-examples.ts'

const info = exampleCreate.omit({ dataset_id: true, inputs: true, outputs: true, id: true })

/**
 * Creates examples of one dataset with their attachments, all or none, as one version (contracts/langsmith.md 2.4.3).
 */
export function postPlatformDatasetsIdExamples(app: App, services: Services): void {
  platformExamples(app, services, {
    method: 'POST',
    summary: 'Create examples of one dataset with attachments, all or none',
    info,
    operations: null,
    write: async (tenantId, datasetId, given) =>
      createExamples(services, tenantId, datasetId, given),
  })
}
