import { create as contentDisposition } from 'content-disposition'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { type BlobLink, blobLinkBase } from '../blobs/signing.ts'
import type { Blob, ByteRange } from '../blobs/store.ts'
import { toEpochMs } from '../domain/timestamp.ts'
import { classifyError, retryAfterSeconds } from './classify-error.ts'
import { logFailure, logUnavailable } from './log-failure.ts'
import type { App, Services } from './services.ts'

/** How long a link works, at least. SDKs fetch at once, people may keep a page open. */
const lifetimeSeconds = 24 * 3600
/** Links made within this time are equal, so that browsers need not load what they have. */
const stepSeconds = 3600

/**
 * An absolute URL that serves a blob of the request's tenant to whoever has it, with no header, for 24 hours or more.
 * Its base is RUNMILL_PUBLIC_URL, else where the request was sent to, as a trusted proxy tells.
 * @param file how the blob is shown: its mime type and name, whatever their sender called them
 */
export function blobUrl(
  services: Pick<Services, 'blobSigner' | 'clock' | 'publicUrl'>,
  request: FastifyRequest,
  file: { blobId: string; mimeType: string; fileName: string },
): string {
  return expiringBlobUrl(services, request, file).url
}

/** A URL as `blobUrl` makes it, and the time at which it ends, in whole seconds since 1970. */
export function expiringBlobUrl(
  { blobSigner, clock, publicUrl }: Pick<Services, 'blobSigner' | 'clock' | 'publicUrl'>,
  request: FastifyRequest,
  file: { blobId: string; mimeType: string; fileName: string },
): { url: string; expiresAt: number } {
  const now = toEpochMs(clock.now()) / 1000
  const expiresAt = Math.ceil((now + lifetimeSeconds) / stepSeconds) * stepSeconds
  const path = blobSigner.sign({ ...file, tenantId: request.principal.tenantId, expiresAt })
  return { url: baseUrl({ publicUrl }, request) + path, expiresAt }
}

/** Where clients reach this server, without a slash at the end. */
export function baseUrl(
  { publicUrl }: Pick<Services, 'publicUrl'>,
  request: FastifyRequest,
): string {
  return publicUrl ?? originOf(request)
}

/** Fastify reads both from `X-Forwarded-*` where the request came from a proxy that RUNMILL_TRUST_PROXY names. */
function originOf(request: FastifyRequest): string {
  const { host } = request
  const protocol = request.protocol === 'https' ? 'https' : 'http'
  // A client that sends nonsense gets a URL to this very connection.
  const isHost = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i.test(host)
  return `${protocol}://${isHost ? host : addressOf(request)}`
}

function addressOf({ socket }: FastifyRequest): string {
  const address = socket.localAddress ?? '127.0.0.1'
  return `${address.includes(':') ? `[${address}]` : address}:${socket.localPort ?? 80}`
}

/** `GET` and `HEAD` of signed links. The signature is the key: no other is asked for. */
export async function blobs(app: App, services: Services): Promise<void> {
  app.setErrorHandler((error, request, reply) => answerError(services, error, request, reply))
  app.route({
    method: ['GET', 'HEAD'],
    url: `${blobLinkBase}/:tenantId/:blobId`,
    config: { scope: 'none' },
    schema: {
      tags: ['blobs'],
      summary: 'An attachment, by the signed link that other routes give out',
      params: z.object({ tenantId: z.string(), blobId: z.string() }),
      querystring: z.object({
        type: z.string().default(''),
        name: z.string().default(''),
        expires: z.string().default(''),
        signature: z.string().default(''),
      }),
    },
    handler: async (request, reply) => {
      const link = services.blobSigner.verify({ ...request.params, ...request.query })
      if (link === null) return refuse(reply, 403, 'The link is not valid')
      const secondsLeft = Math.floor(link.expiresAt - toEpochMs(services.clock.now()) / 1000)
      if (secondsLeft < 0) return refuse(reply, 403, 'The link has expired')
      const blob = await services.blobs.find(link.tenantId, link.blobId)
      if (blob === null) return refuse(reply, 404, 'Blob not found')
      return serve(services, request, reply, link, blob, secondsLeft)
    },
  })
}

async function serve(
  { blobs }: Services,
  request: FastifyRequest,
  reply: FastifyReply,
  link: BlobLink,
  { id, size }: Blob,
  secondsLeft: number,
): Promise<FastifyReply> {
  const etag = `"${id}"`
  const headers = {
    ...headersOf(link),
    etag,
    'accept-ranges': 'bytes',
    'cache-control': `private, max-age=${secondsLeft}, immutable`,
  }
  if (request.method === 'HEAD') {
    return reply.headers({ ...headers, 'content-length': size }).send()
  }
  const isSame = (request.headers['if-range'] ?? etag) === etag
  const range = isSame ? readRange(request.headers.range, size) : 'whole'
  if (range === 'outside') {
    return refuse(reply.header('content-range', `bytes */${size}`), 416, 'Range not satisfiable')
  }
  const part = range === 'whole' ? undefined : range
  const content = await blobs.get(link.tenantId, link.blobId, part)
  if (content === null) return refuse(reply, 404, 'Blob not found')
  if (part !== undefined) {
    reply.code(206).header('content-range', `bytes ${part.first}-${part.last}/${size}`)
  }
  const length = part === undefined ? size : part.last - part.first + 1
  return reply.headers({ ...headers, 'content-length': length }).send(content)
}

const token = "[\\w!#$%&'*+.^`|~-]+"
/**
 * The form of a media type (RFC 9110 8.3.1). What is not of this form would be an invalid header, or another one. The
 * package content-type does not check what it parses, and would rewrite what it formats.
 */
const mimeTypeForm = new RegExp(
  `^${token}/${token}(?: *; *${token}=(?:${token}|"[\\x20\\x21\\x23-\\x5b\\x5d-\\x7e]*"))*$`,
)

/** Types that browsers show and cannot run. */
const shown = /^(?:(?:audio|video|image)\/(?!svg)|text\/plain\b)/i

/** The content is a stranger's: a browser must not take it for another type, and must not run it. */
function headersOf({ mimeType, fileName }: BlobLink): Record<string, string> {
  const type = mimeTypeForm.test(mimeType) ? mimeType : 'application/octet-stream'
  // oxlint-disable-next-line no-control-regex -- these very characters break headers and file systems
  const name = fileName.replaceAll(/[/\\\x00-\x1f\x7f]/g, '_')
  return {
    'content-type': type,
    'content-disposition': contentDisposition(name || 'attachment', {
      type: shown.test(type) ? 'inline' : 'attachment',
    }),
    'content-security-policy': "sandbox; default-src 'none'",
    'x-content-type-options': 'nosniff',
    'cross-origin-resource-policy': 'cross-origin',
  }
}

/**
 * One range (RFC 9110 14.1.2). Several at once, other units and nonsense are ignored, as the RFC allows.
 *
 * The package range-parser (1.3.0) would answer 416 where the RFC has another answer: for the last 9999 bytes of 512,
 * which are all of them, for `bytes=5-1`, which is no range, and for `lines=600-700`, whose unit it does not look at.
 */
function readRange(header: string | undefined, size: number): ByteRange | 'whole' | 'outside' {
  const [, from = '', to = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/i.exec(header ?? '') ?? []
  if (from === '' && to === '') return 'whole'
  if (from === '') {
    const length = Math.min(Number(to), size)
    return length === 0 ? 'outside' : { first: size - length, last: size - 1 }
  }
  const first = Number(from)
  const last = to === '' ? size - 1 : Math.min(Number(to), size - 1)
  if (to !== '' && Number(to) < first) return 'whole'
  return first >= size ? 'outside' : { first, last }
}

function refuse(reply: FastifyReply, status: number, error: string): FastifyReply {
  return reply.code(status).header('cache-control', 'no-store').send({ error })
}

function answerError(
  { log }: Services,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const problem = classifyError(error)
  switch (problem.kind) {
    case 'unavailable':
      logUnavailable(log, error, request)
      reply.header('retry-after', retryAfterSeconds)
      return refuse(reply, 503, 'Service temporarily unavailable')
    case 'schema':
      return refuse(reply, 400, problem.message)
    case 'refused':
      return refuse(reply, problem.status, problem.message)
    default:
      // A link that was signed holds nothing that cannot be read or stored.
      logFailure(log, error, request)
      return refuse(reply, 500, 'Internal server error')
  }
}
