import type { IncomingMessage } from 'node:http'
import type { FastifyContextConfig, FastifyInstance } from 'fastify'
import type { App } from '../services.ts'

/** The methods that the router knows. */
const routable = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT', 'TRACE']

class MethodNotAllowedError extends Error {
  override name = 'MethodNotAllowedError'
  readonly statusCode = 405
}

interface KnownPath {
  methods: Set<string>
  /** The configuration of the path's first route, because the shape of errors may depend on it. */
  config: FastifyContextConfig | undefined
  url: string
}

/** The routes of a plugin by path. The names of parameters make no difference. */
export type KnownPaths = Map<string, KnownPath>

/** Collects the methods of every path that is registered after this call. */
export function collectPaths(app: App): KnownPaths {
  const paths: KnownPaths = new Map()
  app.addHook('onRoute', ({ routePath, method, config }) => {
    const key = routePath.replaceAll(/:\w+/g, ':')
    const path = paths.get(key) ?? { methods: new Set(), config, url: routePath }
    for (const one of [method].flat()) path.methods.add(one)
    paths.set(key, path)
  })
  return paths
}

/**
 * Makes known paths answer 405 to all other methods, with `Allow` (RFC 9110 15.5.6) and without authentication
 * (contracts/langfuse.md 1.3, 1.4). OPTIONS is left to CORS.
 * @param refusal makes the error that the plugin answers in its own shape
 */
export function refuseOtherMethods(
  app: App,
  paths: KnownPaths,
  refusal: () => Error = () => new MethodNotAllowedError('Method Not Allowed'),
): void {
  // A nested plugin is loaded after those that the caller has registered, when all of their routes are known.
  app.register(async (scope: App) => {
    for (const { methods, config, url } of paths.values()) {
      const others = routable.filter((one) => one !== 'OPTIONS' && !methods.has(one))
      if (others.length === 0) continue
      const allow = [...methods].toSorted().join(', ')
      scope.route({
        url,
        method: others,
        exposeHeadRoute: false,
        schema: { hide: true },
        config: { ...config, scope: 'none', isStreamed: false },
        handler: async (_, reply) => {
          reply.header('allow', allow)
          throw refusal()
        },
      })
    }
  })
}

/**
 * Node parses about thirty methods, and the router knows eight. No path has TRACE, so the others are passed to the
 * router as TRACE, and are refused in the same way.
 */
export function passUnknownMethod(request: IncomingMessage): void {
  if (!routable.includes(request.method ?? '')) request.method = 'TRACE'
}

/** Answers CONNECT, which Node leaves to proxies: without a listener it closes the connection without an answer. */
export function refuseConnect(app: FastifyInstance): void {
  app.server.on('connect', (_request, socket) => {
    socket.on('error', () => {})
    socket.end(
      'HTTP/1.1 405 Method Not Allowed\r\nAllow:\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
    )
  })
}
