import fastify from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { health, type HealthServices } from './health.ts'
import type { App } from './services.ts'

/** The HTTP server of a process that serves no API, a worker: liveness, readiness and metrics alone. */
export async function buildHealthApp(services: HealthServices): Promise<App> {
  const app = fastify({
    logger: false,
    forceCloseConnections: 'idle',
  }).withTypeProvider<ZodTypeProvider>()
  await app.register(health, services)
  return app
}
