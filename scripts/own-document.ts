import { buildApp, type AppOptions } from '../src/http/app.ts'
import { createMetrics } from '../src/metrics/metrics.ts'
import { inlineBackend } from '../src/queue/backends/inline.ts'
import type { Document } from './contract-shapes.ts'

/**
 * Our OpenAPI document, as /docs shows it. It is made from the routes alone: no handler runs, so none of what handlers
 * need has to exist.
 */
export async function ownDocument(): Promise<Document> {
  const nothing = {} as Omit<AppOptions, 'maxBodyBytes' | 'metrics' | 'queue' | 'pageFolder'>
  const app = await buildApp({
    ...nothing,
    metrics: createMetrics(),
    queue: inlineBackend(),
    maxBodyBytes: 1,
    pageFolder: null,
  })
  await app.ready()
  const answer = await app.inject('/docs/json')
  await app.close()
  return answer.json<Document>()
}
