import { setMaxListeners } from 'node:events'
import { Readable } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import { ReadCancelledError } from '../store/errors.ts'
import { countReading, keepReading, withReading } from '../store/reading.ts'
import { scopeOf, type Principal } from './auth.ts'
import type { App } from './services.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Set for a route without a key that only reads. */
    isPublicRead?: true
  }
}

/** Requests without a key count together as one tenant. */
const publicReader = 'public'

/** How long reads may continue after the server began to stop. */
const stopGraceMs = 5000

/** Returns true for a request that changes nothing, and that can therefore be stopped at any moment. */
function onlyReads(request: FastifyRequest): boolean {
  return scopeOf(request) === 'read' || request.routeOptions.config.isPublicRead === true
}

/**
 * Makes the statements of reading requests count towards their tenant, and cancels them when the client leaves before the
 * answer is complete, or when the server is stopping and they do not end by themselves.
 */
export function stopUnwantedReads(app: App): void {
  const underWay = new Set<AbortController>()

  // A hook that runs before the body is read would not help: the asynchronous context is lost while it is read.
  app.addHook('preHandler', (request, reply, done) => {
    if (!onlyReads(request)) return done()
    const controller = new AbortController()
    const { signal } = controller
    // Each running statement of the request is a listener.
    setMaxListeners(0, signal)
    const finish = countReading()
    const end = (): void => {
      underWay.delete(controller)
      finish()
      if (!reply.raw.writableFinished) controller.abort(new ReadCancelledError('client left'))
    }
    underWay.add(controller)
    if (reply.raw.destroyed) end()
    else reply.raw.once('close', end)
    const tenantId = (request.principal as Principal | undefined)?.tenantId ?? publicReader
    withReading({ tenantId, signal, hasBegun: () => reply.raw.headersSent }, done)
  })

  app.addHook('preClose', async () => {
    setTimeout(() => {
      for (const controller of underWay) {
        controller.abort(new ReadCancelledError('server stops'))
      }
    }, stopGraceMs).unref()
  })
}

/** Returns a stream of an iterator's values. The iterator's statements belong to the request that is being answered. */
export function streamOf(pieces: AsyncIterable<unknown>): Readable {
  return Readable.from(keepReading(pieces))
}
