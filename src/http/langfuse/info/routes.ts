import { z } from 'zod'
import { productVersion } from '../../../domain/version.ts'
import type { App } from '../../services.ts'

const organization = z.object({ id: z.string(), name: z.string() })

const project = organization.extend({ organization, metadata: z.object({}) })

/** What the server says about itself and about the key that asks. */
export function infoRoutes(app: App): void {
  const tags = ['langfuse']

  // No key is needed (contracts/langfuse.md 2.14).
  const healthSchema = {
    tags,
    summary: 'Tells that the server runs',
    response: { 200: z.object({ status: z.string(), version: z.string() }) },
  }
  app.get('/health', { schema: healthSchema, config: { scope: 'none' } }, async () => ({
    status: 'OK',
    version: productVersion,
  }))

  // The key's own project and no other (contracts/langfuse.md 2.12). A tenant is its own organization.
  const projectsSchema = {
    tags,
    summary: 'The project of the key',
    response: { 200: z.object({ data: z.array(project) }) },
  }
  app.get('/projects', { schema: projectsSchema }, async ({ principal }) => {
    const { tenantId: id, tenantName: name } = principal
    return { data: [{ id, name, organization: { id, name }, metadata: {} }] }
  })
}
