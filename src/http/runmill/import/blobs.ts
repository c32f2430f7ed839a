import { Readable } from 'node:stream'
import { z } from 'zod'
import { uuidAnswer } from '../../answer-schemas.ts'
import type { App, Services } from '../../services.ts'
import { config, tags } from './schemas.ts'

/** A gigabyte, as for every upload of one file. */
const maxBytes = 1_000_000_000

const schema = {
  tags,
  summary: 'Store the bytes of an attachment, which the next request names',
  response: { 200: z.object({ blob_id: uuidAnswer, size: z.int() }) },
}

/** `POST /api/runmill/import/blobs`: the body is the content. The same content is stored once. */
export function postImportBlobs(app: App, { blobs }: Services): void {
  app.register(async (scope: App) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_, payload, done) => done(null, payload))
    scope.post(
      '/import/blobs',
      { schema, config: { ...config, isStreamed: true }, bodyLimit: maxBytes },
      async (request) => {
        const content = request.body instanceof Readable ? request.body : Readable.from([])
        const { id, size } = await blobs.put(request.principal.tenantId, content, { maxBytes })
        return { blob_id: id, size }
      },
    )
  })
}
