import fastify from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { drainOnDemand } from '../front-door/draining.ts'
import { setSecurityHeaders } from '../front-door/security-headers.ts'
import { createHealthState, health, type HealthServices } from './health.ts'
import type { App } from '../services.ts'

/** Builds the HTTP server of a process without an API, a worker: only liveness, readiness and metrics. */
export async function buildHealthApp(services: HealthServices): Promise<App> {
  const app = fastify({
    logger: false,
    forceCloseConnections: 'idle',
  }).withTypeProvider<ZodTypeProvider>()
  setSecurityHeaders(app)
  app.setSerializerCompiler(() => JSON.stringify)
  app.decorate('healthState', createHealthState(services))
  drainOnDemand(app, app.healthState.stopping)
  await app.register(health, app.healthState)
  return app
}
