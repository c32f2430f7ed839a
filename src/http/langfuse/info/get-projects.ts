import type { App } from '../../services.ts'

/** The key's own project, and no other (contracts/langfuse.md 2.12). A tenant is its own organization. */
export function getProjects(app: App): void {
  const schema = { tags: ['langfuse'], summary: 'The project of the key' }
  app.get('/projects', { schema }, async ({ principal: { tenantId: id, tenantName: name } }) => ({
    data: [{ id, name, organization: { id, name }, metadata: {} }],
  }))
}
