import { z } from 'zod'
import { mediaUpdateUpload } from '../../../store/write/media.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { lenientDate, messageAnswer, text } from '../requests.ts'

const body = z.object({
  uploadedAt: lenientDate,
  uploadHttpStatus: z.number().int().min(0).max(2_147_483_647),
  uploadHttpError: text.nullish(),
  uploadTimeMs: z.number().int().min(0).nullish(),
})

/** Stores what the client reports of its upload. It is not what decides whether the bytes have arrived. */
export function patchMediaId(app: App, { db, clock }: Services): void {
  const schema = {
    params: z.object({ mediaId: text }),
    body,
    response: { 200: messageAnswer },
    tags: ['langfuse media'],
    summary: 'Tell how an upload went',
  }
  app.patch('/media/:mediaId', { schema }, async (request) => {
    const { tenantId } = request.principal
    const { mediaId } = request.params
    const { uploadedAt, uploadHttpStatus, uploadHttpError, uploadTimeMs } = request.body
    const upload = {
      uploadedAt,
      httpStatus: uploadHttpStatus,
      httpError: uploadHttpError ?? null,
      timeMs: uploadTimeMs ?? null,
    }
    if (!(await mediaUpdateUpload(db, tenantId, mediaId, upload, clock.now()))) {
      throw notFound(`Media asset ${mediaId} not found in project ${tenantId}`)
    }
    return { message: 'OK' }
  })
}
