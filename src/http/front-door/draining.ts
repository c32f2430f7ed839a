import type { FastifyInstance } from 'fastify'

declare module 'fastify' {
  interface FastifyInstance {
    /** Begins to send clients elsewhere: readiness turns red, and each answer ends its connection. Requests are served. */
    drain(): void
  }
}

/** @param stopping is told when that begins */
export function drainOnDemand(app: FastifyInstance, stopping: () => void): void {
  let isDraining = false
  // Before any hook, so that what the router refuses closes its connection as well.
  app.server.prependListener('request', (_, response) => {
    if (isDraining) response.setHeader('connection', 'close')
  })
  app.decorate('drain', () => {
    isDraining = true
    stopping()
  })
}
