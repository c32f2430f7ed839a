import type { FastifyInstance } from 'fastify'

const ownPaths = /^\/(?:(?:livez|readyz|metrics|docs|app)(?:[/?]|$)|\?|$)/

/**
 * Serves health, metrics, documentation and the page at their own paths only. A proxy that keeps them from strangers does so by
 * path, so nothing may be there under another prefix, with a second slash, or percent-encoded.
 */
export function serveOwnPathsOnly(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    if (!ownPaths.test(request.routeOptions.url ?? '') || ownPaths.test(request.originalUrl)) return
    return reply.code(404).send({ detail: 'Resource not found' })
  })
}
