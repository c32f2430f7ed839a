import { z } from 'zod'
import { toMillisecondIso } from '../../../domain/timestamp.ts'
import { mediaFind } from '../../../store/read/media.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { storedMedia, storedMediaAnswer } from './media.ts'
import { shownTime, text } from '../requests.ts'

/** Answers an uploaded content with a link to its bytes (contracts/langfuse.md 2.15). */
export function getMediaId(app: App, services: Services): void {
  const schema = {
    params: z.object({ mediaId: text }),
    response: { 200: storedMediaAnswer.extend({ uploadedAt: shownTime }) },
    tags: ['langfuse media'],
    summary: 'Read a content',
  }
  app.get('/media/:mediaId', { schema }, async (request) => {
    const media = await mediaFind(services.db, request.principal.tenantId, request.params.mediaId)
    if (media === null) throw notFound('Media asset not found')
    if (!media.isStored || media.uploadedAt === null) {
      const { uploadHttpStatus: status, uploadHttpError } = media
      const hasFailed = status !== null && (status < 200 || status > 299)
      throw notFound(
        hasFailed
          ? `Media upload failed with status ${status}: ${uploadHttpError ?? ''}`
          : 'Media not yet uploaded',
      )
    }
    return {
      ...storedMedia(services, request, media),
      uploadedAt: toMillisecondIso(media.uploadedAt),
    }
  })
}
