import { z } from 'zod'
import { deriveId, resolveId } from '../../../domain/ids.ts'
import { datasetFind } from '../../../store/read/datasets/datasets.ts'
import { mediaUpsert } from '../../../store/write/media.ts'
import type { App, Services } from '../../services.ts'
import { conflict, invalidRequest, notFound } from '../errors.ts'
import { maxMediaBytes, mediaContentTypes, mediaIdOf, readSha256, uploadUrlOf } from './media.ts'

const fields = {
  trace: ['input', 'output', 'metadata'],
  dataset: ['input', 'expectedOutput', 'metadata'],
}

const body = z
  .object({
    traceId: z.string().nullish(),
    observationId: z.string().nullish(),
    datasetId: z.string().nullish(),
    datasetItemId: z.string().nullish(),
    contentType: z.enum(mediaContentTypes),
    contentLength: z.number().int().positive(),
    sha256Hash: z.string().transform((given, context) => {
      const sha256 = readSha256(given)
      if (sha256 !== null) return sha256
      context.addIssue({
        code: 'custom',
        message: 'Invalid SHA-256: expected 44 characters of base64',
      })
      return z.NEVER
    }),
    field: z.string(),
  })
  .superRefine(({ traceId, datasetId, datasetItemId, observationId, field }, context) => {
    const isOfTrace = Boolean(traceId) && !datasetId && !datasetItemId
    const isOfItem = Boolean(datasetId) && Boolean(datasetItemId) && !traceId && !observationId
    if (!isOfTrace && !isOfItem) {
      context.addIssue({
        code: 'custom',
        path: ['traceId'],
        message: 'Provide either traceId, or datasetId and datasetItemId',
      })
    } else if (!fields[isOfTrace ? 'trace' : 'dataset'].includes(field)) {
      context.addIssue({ code: 'custom', path: ['field'], message: `Invalid field ${field}` })
    }
  })

/**
 * Announces a content (contracts/langfuse.md 2.15). Answers a link for the upload, or null when the bytes are stored
 * already. The trace or item that the content belongs to need not exist.
 */
export function postMedia(app: App, services: Services): void {
  const { db, clock } = services
  const schema = {
    body,
    response: { 201: z.object({ mediaId: z.string(), uploadUrl: z.string().nullable() }) },
    tags: ['langfuse media'],
    summary: 'Get a link to upload a content',
  }
  app.post('/media', { schema }, async (request, reply) => {
    const { tenantId } = request.principal
    const { traceId, datasetId, contentType, contentLength, sha256Hash: sha256 } = request.body
    if (contentLength > maxMediaBytes) {
      throw invalidRequest(`File size must be less than ${maxMediaBytes} bytes`)
    }
    if (datasetId) {
      const dataset = await datasetFind(db, tenantId, resolveId('dataset', datasetId).id)
      if (dataset === null) throw notFound('Dataset not found')
    }
    const id = mediaIdOf(sha256)
    const media = { id, sha256, blobId: deriveId('blob', sha256), contentType, contentLength }
    const trace = traceId ? resolveId('trace', traceId).id : null
    const announced = await mediaUpsert(db, tenantId, media, trace, clock.now())
    if (announced === null) throw conflict(`Media ${id} is another content`)
    const uploadUrl = announced.isStored ? null : uploadUrlOf(services, request, id)
    return reply.code(201).send({ mediaId: id, uploadUrl })
  })
}
