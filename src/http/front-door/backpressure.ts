import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Principal } from '../auth.ts'
import { isMultipart } from '../multipart.ts'
import { OverloadedError } from './overloaded-error.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * Reports that this many more bytes of the decoded body are in memory now.
     * @throws OverloadedError when there is no room for them beside the other bodies
     */
    holdBytes(more: number): void
    /** The tenant of a request without a key, once something else, such as a signed link, has proven it. */
    provenTenantId: string | null
  }
}

/** How many bytes of a streamed body its decoder and its stream hold. */
export const streamBytes = 65_536

export interface ByteLimits {
  /** The bytes that the bodies of all tenants may hold at once. */
  bytesInFlight: number
  /** The bytes that all bodies of routes without a key may hold at once. They do not count for `bytesInFlight`. */
  keylessBytesInFlight: number
  /** The size in bytes of the largest body that a route without a key accepts. */
  keylessBodyBytes: number
}

/** Returns the tenant that a request counts for, or the empty string, which stands for all requests without a key. */
export function ownerOf(request: FastifyRequest): string {
  // Routes that need no key do not set the principal.
  const principal = request.principal as Principal | undefined
  return request.provenTenantId ?? principal?.tenantId ?? keyless
}
const keyless = ''

/**
 * The least by which compressed JSON expands. Counting it in advance avoids decoding a body only to refuse it then. It
 * is counted up to a quarter of the budget only, because attachments in a body are not held and do not expand.
 */
const expansion = 4

/** For this long after a tenant found no room, no tenant may hold more than half of the budget. */
const crowdedMs = 60_000

interface Share {
  owner: string
  bytes: number
}

/**
 * SPEC I7: limits the bytes of request bodies in memory. They count as they arrive, and until the request is answered,
 * so a client that announces a body and does not send it takes nothing from others. A body is refused before it is read
 * when its announced length finds no room at that moment, and otherwise when it has grown too large. A body takes
 * several times its size while it is parsed and translated, so this limits the memory of a burst of requests, and the
 * time until the last of them is answered. A request that is alone is always admitted, because its size has a limit of
 * its own.
 *
 * One tenant may hold three quarters of the budget, and half of it once another tenant has found no room. All routes
 * that need no key share a small budget, and accept small bodies only.
 */
export function limitBytesInFlight(
  app: FastifyInstance,
  { bytesInFlight, keylessBytesInFlight, keylessBodyBytes }: ByteLimits,
): void {
  const shares = new WeakMap<object, Share>()
  const heldByOwner = new Map<string, number>()
  /** The sum for all tenants, without the requests that need no key. */
  let heldByTenants = 0
  let crowdedUntil = 0

  /** @throws OverloadedError when a request that holds `own` bytes may not hold `wanted` bytes instead */
  function checkRoom(owner: string, own: number, wanted: number): void {
    const ofOwner = (heldByOwner.get(owner) ?? 0) - own + wanted
    const isAloneOfOwner = ofOwner === wanted
    if (owner === keyless) {
      if (ofOwner > keylessBytesInFlight) throw new OverloadedError('too many bytes without a key')
      return
    }
    const ofAll = heldByTenants - own + wanted
    const half = bytesInFlight / 2
    if (ofAll > wanted && ofAll > bytesInFlight) {
      if (ofOwner <= half) crowdedUntil = performance.now() + crowdedMs
      throw new OverloadedError('too many bytes in flight')
    }
    const most = performance.now() < crowdedUntil ? half : 1.5 * half
    if (!isAloneOfOwner && ofOwner > most) {
      throw new OverloadedError('too many bytes of one tenant in flight')
    }
  }

  function add({ owner }: Share, bytes: number): void {
    const held = (heldByOwner.get(owner) ?? 0) + bytes
    if (held === 0) heldByOwner.delete(owner)
    else heldByOwner.set(owner, held)
    if (owner !== keyless) heldByTenants += bytes
  }

  app.decorateRequest('provenTenantId', null)
  app.decorateRequest('holdBytes', function (this: FastifyRequest, more: number) {
    const share = shares.get(this)
    // The client has gone away.
    if (share === undefined) return
    if (share.bytes === 0) share.owner = ownerOf(this)
    checkRoom(share.owner, share.bytes, share.bytes + more)
    share.bytes += more
    add(share, more)
  })
  app.addHook('onRoute', (route) => {
    if (route.config?.scope !== 'none' || route.config.isStreamed === true) return
    route.bodyLimit = Math.min(route.bodyLimit ?? Infinity, keylessBodyBytes)
  })
  // This hook runs after authentication, so the tenant is known, and before the body is read.
  app.addHook('preParsing', (request, reply, payload, done) => {
    if (request.method === 'GET' || request.method === 'HEAD') return done(null, payload)
    const owner = ownerOf(request)
    shares.set(request, { owner, bytes: 0 })
    // This covers a client that goes away before it is answered. The request closes earlier, once its body is read.
    reply.raw.once('close', () => release(request))
    checkRoom(owner, 0, announcedBytes(request, bytesInFlight / 4))
    done(null, payload)
  })
  app.addHook('onResponse', (request, _, done) => {
    release(request)
    done()
  })

  function release(request: object): void {
    const share = shares.get(request)
    if (share === undefined) return
    shares.delete(request)
    add(share, -share.bytes)
  }
}

/**
 * Returns the bytes that a request will hold at least, judging by its headers. The parts of a streamed body may be
 * attachments, which are not held.
 */
function announcedBytes(
  { headers, routeOptions }: FastifyRequest,
  mostExpandedBytes: number,
): number {
  const length = Number(headers['content-length'] ?? 0)
  if (routeOptions.config.isStreamed === true) return Math.min(length, streamBytes)
  // A body above its limit is refused with 413, which tells the client more than 503.
  if (length > routeOptions.bodyLimit) return 0
  if (headers['content-encoding'] !== undefined) {
    return Math.min(length * expansion, mostExpandedBytes)
  }
  return isMultipart(headers['content-type']) ? Math.min(length, streamBytes) : length
}
