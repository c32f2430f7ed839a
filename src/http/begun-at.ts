import type { App } from './services.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** When its body had arrived and its handler began, in milliseconds of `performance.now()`. */
    begunAt: number
  }
}

/** Notes of each request when it began. */
export function noteBegin(app: App): void {
  app.decorateRequest('begunAt', 0)
  app.addHook('preHandler', (request, _, done) => {
    request.begunAt = performance.now()
    done()
  })
}
