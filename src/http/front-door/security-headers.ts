import type { FastifyInstance } from 'fastify'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route's `Content-Security-Policy`, where it answers with a page. Default: nothing may be loaded or framed. */
    contentSecurityPolicy?: string
  }
}

/** For answers that are data: a browser that is made to show one runs nothing in it. */
export const headersOfData = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  // For browsers that do not know `frame-ancestors`.
  'x-frame-options': 'DENY',
  // Addresses hold tokens and signatures.
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
}

/**
 * What the API's documentation needs: its own files, and styles that its script sets. It asks only this server. Over
 * plain HTTP too, so nothing is upgraded.
 */
export const docsPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/**
 * What the page needs: its own files and this server. It makes no markup out of text, so scripts may not do that either
 * (`trusted-types`).
 */
export const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

/**
 * Gives every answer the headers that keep browsers from guessing types, framing, caching and telling addresses. What a
 * route sets itself stays. `Strict-Transport-Security` is left to the proxy that speaks TLS: only it knows whether all of
 * its host does.
 */
export function setSecurityHeaders(app: FastifyInstance): void {
  app.addHook('onSend', async (request, reply) => {
    const policy = request.routeOptions.config.contentSecurityPolicy
    const headers = { ...headersOfData, ...(policy && { 'content-security-policy': policy }) }
    for (const [name, value] of Object.entries(headers)) {
      if (!reply.hasHeader(name)) reply.header(name, value)
    }
  })
}
