import type { FastifyRequest } from 'fastify'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Query parameters of Langfuse's API that mean something when they are empty. */
    emptyParameters?: readonly string[]
  }
}

/** Takes empty parameters out of the query: they count as absent (contracts/langfuse.md 1.6). */
export async function dropEmptyParameters(request: FastifyRequest): Promise<void> {
  const query = request.query as Record<string, unknown>
  const kept = request.routeOptions.config.emptyParameters ?? []
  for (const [name, value] of Object.entries(query)) {
    if (value === '' && !kept.includes(name)) Reflect.deleteProperty(query, name)
  }
}
