import type { App, HttpParts } from '../../parts.ts'
import { attachmentsOperations } from '../attachments.ts'
import { exampleUpdate, updateExamples } from './example-writes.ts'
import { platformExamples } from './platform-examples.ts'

const info = exampleUpdate.pick({ metadata: true, split: true, overwrite: true })

/**
 * Changes examples of one dataset and their attachments, all or none, as one version; what is absent stays
 * (contracts/langsmith.md 2.4.3).
 */
export function patchPlatformDatasetsIdExamples(app: App, parts: HttpParts): void {
  platformExamples(app, parts, {
    method: 'PATCH',
    summary: 'Change examples of one dataset and their attachments, all or none',
    info,
    operations: attachmentsOperations,
    write: async (tenantId, datasetId, given) => updateExamples(parts, tenantId, datasetId, given),
  })
}
