import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Principal } from '../auth.ts'
import { placeOf } from '../log-failure.ts'

export type TellRequest = (facts: object, message: string) => void

/** Tells of every request once it is answered: what it asked for and whose it was, but no key, query, header or body. */
export function logRequests(app: FastifyInstance, tell: TellRequest): void {
  app.addHook('onResponse', (request: FastifyRequest, reply, done) => {
    const principal = request.principal as Principal | undefined
    const { statusCode: status, elapsedTime } = reply
    const tenantId = principal?.tenantId
    tell({ ...placeOf(request), status, ms: Math.round(elapsedTime), tenantId }, 'request')
    done()
  })
}
