import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { RequestSpan, Tracing } from '../../domain/tracing.ts'
import type { Principal } from '../auth.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** null where nobody asked for traces. */
    span: RequestSpan | null
  }
}

/** What asks every few seconds whether the process is well would hide everything else. */
const probes = new Set(['/livez', '/readyz', '/metrics'])

/** Tells of every request as a span. Without tracing it adds nothing to a request. */
export function traceRequests(app: FastifyInstance, tracing: Tracing | null): void {
  app.decorateRequest('span', null)
  if (tracing === null) return
  app.addHook('onRequest', (request: FastifyRequest, _, done) => {
    const { traceparent } = request.headers
    if (!probes.has(request.routeOptions.url ?? '')) {
      request.span = tracing.request(
        request.method,
        typeof traceparent === 'string' ? traceparent : undefined,
      )
    }
    done()
  })
  app.addHook('onResponse', (request: FastifyRequest, reply, done) => {
    const principal = request.principal as Principal | undefined
    const { statusCode: status } = reply
    const tenantId = principal?.tenantId
    request.span?.end({ route: request.routeOptions.url, status, tenantId })
    done()
  })
}
