import { create as contentDisposition } from 'content-disposition'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { type BlobLink, blobLinkBase } from '../blobs/signing.ts'
import type { Blob, ByteRange } from '../blobs/store.ts'
import { toEpochMs } from '../domain/timestamp.ts'
import { answerOf, serverErrors } from './documented-answers.ts'
import { classifyError, retryAfterSeconds } from './classify-error.ts'
import { logFailure } from './log-failure.ts'
import { collectPaths, refuseOtherMethods } from './front-door/other-methods.ts'
import type { App, Services } from './services.ts'

/** The shortest time that a link works. SDKs fetch at once, but people may keep a page open. */
const lifetimeSeconds = 24 * 3600
/** Links made within this time are identical, so that browsers can use their cache. */
const stepSeconds = 3600

/**
 * Returns an absolute URL that serves a blob of the request's tenant for 24 hours or more, to anyone who has it,
 * without any header. Its base is RUNMILL_PUBLIC_URL or, when that is not set, the address that the request was sent
 * to, as a trusted proxy reports it.
 * @param file how the blob is shown: its mime type and name, both chosen by the sender
 */
export function blobUrl(
  services: Pick<Services, 'blobSigner' | 'clock' | 'publicUrl'>,
  request: FastifyRequest,
  file: { blobId: string; mimeType: string; fileName: string },
): string {
  return expiringBlobUrl(services, request, file).url
}

/** Returns a URL as `blobUrl` makes it, and the time at which it expires, in whole seconds since 1970. */
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

/** Returns the address at which clients reach this server, without a trailing slash. */
export function baseUrl(
  { publicUrl }: Pick<Services, 'publicUrl'>,
  request: FastifyRequest,
): string {
  return publicUrl ?? originOf(request)
}

/** Fastify takes both from `X-Forwarded-*` when the request came from a proxy that RUNMILL_TRUST_PROXY names. */
function originOf(request: FastifyRequest): string {
  const { host } = request
  const protocol = request.protocol === 'https' ? 'https' : 'http'
  // A client that sends a malformed host gets a URL that leads to the address of this connection.
  const isHost = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i.test(host)
  return `${protocol}://${isHost ? host : addressOf(request)}`
}

function addressOf({ socket }: FastifyRequest): string {
  const address = socket.localAddress ?? '127.0.0.1'
  return `${address.includes(':') ? `[${address}]` : address}:${socket.localPort ?? 80}`
}

/** The attachment, with the type that it was stored with. */
const content = { '*/*': z.string() }

const refusal = z.object({ error: z.string() })

/** Serves signed links by `GET` and `HEAD`. The signature replaces a key. */
export async function blobs(app: App, services: Services): Promise<void> {
  app.setErrorHandler((error, request, reply) => answerError(services, error, request, reply))
  const paths = collectPaths(app)
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
      response: {
        200: answerOf(200, content),
        206: answerOf(206, content),
        ...serverErrors,
        ...Object.fromEntries(
          [400, 403, 404, 414, 416, 500, 503].map((status) => [status, answerOf(status, refusal)]),
        ),
      },
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
  refuseOtherMethods(app, paths)
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
 * The form of a media type (RFC 9110 8.3.1). Any other text would be an invalid header, or inject another one. The
 * package content-type does not validate what it parses, and would rewrite what it formats.
 */
const mimeTypeForm = new RegExp(
  `^${token}/${token}(?: *; *${token}=(?:${token}|"[\\x20\\x21\\x23-\\x5b\\x5d-\\x7e]*"))*$`,
)

/** Types that browsers display but cannot execute. */
const shown = /^(?:(?:audio|video|image)\/(?!svg)|text\/plain\b)/i

/** The content comes from a stranger: a browser must neither guess another type for it nor execute it. */
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
 * Reads a single range (RFC 9110 14.1.2). Several ranges at once, other units and malformed ranges are ignored, as the
 * RFC allows.
 *
 * The package range-parser (1.3.0) would answer 416 where the RFC demands another answer: for the last 9999 bytes of
 * 512, which are all of them; for `bytes=5-1`, which is not a range; and for `lines=600-700`, because it ignores the
 * unit.
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
    case 'limited':
    case 'unavailable':
      reply.header('retry-after', retryAfterSeconds)
      return refuse(reply, 503, 'Service temporarily unavailable')
    case 'schema':
      return refuse(reply, 400, problem.message)
    case 'refused':
      return refuse(reply, problem.status, problem.message)
    default:
      // A signed link contains only what can be read and stored, so this is our fault.
      logFailure(log, error, request)
      return refuse(reply, 500, 'Internal server error')
  }
}
