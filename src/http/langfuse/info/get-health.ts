import { productVersion } from '../../../domain/version.ts'
import type { App } from '../../services.ts'

/** Asked without a key (contracts/langfuse.md 2.14). */
export function getHealth(app: App): void {
  const schema = { tags: ['langfuse'], summary: 'Tells that the server runs' }
  app.get('/health', { schema, config: { scope: 'none' } }, async () => ({
    status: 'OK',
    version: productVersion,
  }))
}
