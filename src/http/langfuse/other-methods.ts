import type { App } from '../services.ts'
import { LangfuseError } from './errors.ts'

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const

/** Collects the methods of every path that is registered after this call. */
export function collectPaths(app: App): Map<string, Set<string>> {
  const paths = new Map<string, Set<string>>()
  app.addHook('onRoute', ({ routePath, method }) => {
    const known = paths.get(routePath) ?? new Set()
    for (const one of [method].flat()) known.add(one)
    paths.set(routePath, known)
  })
  return paths
}

/** Makes known paths answer 405 to all other methods, without authentication (contracts/langfuse.md 1.3, 1.4). */
export function refuseOtherMethods(app: App, paths: Map<string, Set<string>>): void {
  for (const [url, known] of paths) {
    const others = methods.filter((method) => !known.has(method))
    if (others.length === 0) continue
    app.route({
      url,
      method: others,
      schema: { hide: true },
      config: { scope: 'none' },
      handler: () => {
        throw new LangfuseError(405, 'Method not allowed', 'MethodNotAllowedError')
      },
    })
  }
}
