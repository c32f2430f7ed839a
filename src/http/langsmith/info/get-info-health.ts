import type { App } from '../../services.ts'

export function getInfoHealth(app: App): void {
  const schema = { tags: ['langsmith info'], summary: 'Whether the server answers' }
  app.get('/info/health', { schema, config: { scope: 'none' } }, async () => ({ status: 'ok' }))
}
