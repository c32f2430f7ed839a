import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { OverloadedError } from './overloaded-error.ts'

/** This many connections beyond the limit are answered. Further ones are closed without an answer. */
const refusedAtOnce = 500

/**
 * Limits the number of open connections. A request on one beyond the limit is answered 503 with `Retry-After`, in the
 * shape of its dialect, and the connection is closed.
 */
export function limitConnections(app: FastifyInstance, most: number): void {
  const refused = new WeakSet<Socket>()
  /** Connections that have not sent the headers of a request yet. */
  const silent = new Set<Socket>()
  let open = 0
  app.server.maxConnections = most + refusedAtOnce
  app.server.on('connection', (socket) => {
    open++
    silent.add(socket)
    socket.once('close', () => {
      open--
      silent.delete(socket)
    })
    if (open > most) refused.add(socket)
  })
  app.addHook('onRequest', (request, _, done) => {
    silent.delete(request.raw.socket)
    if (!refused.has(request.raw.socket)) return done()
    request.closesConnection = true
    throw new OverloadedError('too many connections')
  })
  // Node closes connections that are idle between requests, but it would wait forever for one without a first request.
  app.addHook('preClose', async () => {
    for (const socket of silent) socket.destroy()
  })
}
