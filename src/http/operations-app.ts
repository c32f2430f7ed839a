import fastify from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { operations, type OperationsParts } from './operations.ts'
import type { App } from './parts.ts'

/** The HTTP server of a process that serves no API, a worker: liveness, readiness and metrics alone. */
export async function buildOperationsApp(parts: OperationsParts): Promise<App> {
  const app = fastify({
    logger: false,
    forceCloseConnections: 'idle',
  }).withTypeProvider<ZodTypeProvider>()
  await app.register(operations, parts)
  return app
}
