import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { z } from 'zod'
import { isUuid } from '../../../domain/ids.ts'
import { toEpochMs } from '../../../domain/timestamp.ts'
import { mediaFind } from '../../../store/read/media.ts'
import type { App, Services } from '../../services.ts'
import { invalidRequest, LangfuseError, notFound } from '../errors.ts'
import { maxMediaBytes, readSha256 } from './media.ts'

/** Takes the bytes of an announced content. The signed link from the announcement is the only credential. */
export function putMediaIdContent(app: App, { db, clock, blobs, blobSigner }: Services): void {
  const schema = {
    params: z.object({ mediaId: z.string() }),
    querystring: z.object({
      tenant: z.string().default(''),
      expires: z.string().default(''),
      signature: z.string().default(''),
    }),
    response: { 200: z.undefined().describe('The content is stored') },
    tags: ['langfuse media'],
    summary: 'Upload a content',
  }
  const config = { scope: 'none', isStreamed: true } as const
  app.register(async (scope: App) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_, payload, done) => done(null, payload))
    scope.put(
      '/media/:mediaId/content',
      { schema, config, bodyLimit: maxMediaBytes },
      async (request, reply) => {
        const { mediaId } = request.params
        const { tenant: tenantId, expires, signature } = request.query
        const link = { tenantId, mediaId, expiresAt: Number(expires) }
        if (!isUuid(tenantId) || !blobSigner.verifyUpload(link, signature)) {
          throw new LangfuseError(403, 'The link is not valid', 'ForbiddenError')
        }
        if (link.expiresAt < toEpochMs(clock.now()) / 1000) {
          throw new LangfuseError(403, 'The link has expired', 'ForbiddenError')
        }
        request.provenTenantId = tenantId
        const media = await mediaFind(db, tenantId, mediaId)
        if (media === null) throw notFound('Media asset not found')
        checkHeaders(request.headers, media)
        const content = request.body instanceof Readable ? request.body : Readable.from([])
        await blobs.put(tenantId, verified(content, media.sha256), { maxBytes: maxMediaBytes })
        return reply.code(200).header('etag', `"${media.sha256}"`).send()
      },
    )
  })
}

/** Refuses what the headers show to be wrong, before the body is read. @throws LangfuseError 400 */
function checkHeaders(
  headers: Record<string, string | string[] | undefined>,
  { sha256, contentLength }: { sha256: string; contentLength: number },
): void {
  const checksum = headers['x-amz-checksum-sha256']
  if (checksum !== undefined && readSha256(String(checksum)) !== sha256) {
    throw invalidRequest('x-amz-checksum-sha256 is not the SHA-256 that was announced')
  }
  const length = headers['content-length']
  const isPlain = headers['content-encoding'] === undefined
  if (isPlain && length !== undefined && Number(length) !== contentLength) {
    throw invalidRequest(`Content-Length is not the ${contentLength} bytes that were announced`)
  }
}

/** Passes the content through, and throws at its end when its hash is wrong, so that nothing is stored. */
async function* verified(
  content: AsyncIterable<Uint8Array>,
  sha256: string,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256')
  for await (const chunk of content) {
    hash.update(chunk)
    yield chunk
  }
  if (hash.digest('hex') !== sha256) {
    throw invalidRequest('The content does not have the SHA-256 that was announced')
  }
}
