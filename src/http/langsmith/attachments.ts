import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import {
  readAttachments,
  type Attachment,
  type AttachmentOperations,
} from '../../domain/attachments.ts'
import type { JsonText } from '../../domain/entities.ts'
import { storableText } from '../../domain/ids.ts'
import { sliceMembers } from '../../domain/json.ts'
import { blobUrl } from '../blobs.ts'
import type { Part } from '../multipart.ts'
import type { Services } from '../services.ts'
import { text } from './schemas.ts'

/** Links to the bytes of one attachment (contracts/langsmith.md 2.4.1). */
const attachmentUrl = z.object({
  presigned_url: z.string(),
  s3_url: z.string(),
  mime_type: z.string(),
})

type AttachmentUrl = z.output<typeof attachmentUrl>

/** `attachment_urls` of an example, `s3_urls` of a run: `{"attachment.<name>": …}`; null without attachments. */
export const attachmentUrlsAnswer = z.record(z.string(), attachmentUrl).nullable()

/** Makes the links to the attachments of an example or a run. */
export type AttachmentUrls = (stored: JsonText | null) => z.output<typeof attachmentUrlsAnswer>

/** Makes signed links to attachments, under the address by which this request reached the server. */
export function attachmentUrls(
  services: Pick<Services, 'blobSigner' | 'clock' | 'publicUrl'>,
  request: FastifyRequest,
): AttachmentUrls {
  return (stored) => {
    if (stored === null) return null
    const urls = readAttachments(stored).map(({ name, blobId, mimeType }) => {
      const url = blobUrl(services, request, { blobId, mimeType, fileName: name })
      // Clients read `presigned_url` alone. `s3_url` has to be there, so it repeats it: there is no bucket to link to.
      return [`attachment.${name}`, { presigned_url: url, s3_url: url, mime_type: mimeType }]
    })
    return urls.length === 0 ? null : (Object.fromEntries(urls) as Record<string, AttachmentUrl>)
  }
}

/**
 * Streams a part of a multipart body to the blob store. If the request is refused later, nothing refers to the blob.
 */
export async function keepAttachment(
  { blobs }: Pick<Services, 'blobs'>,
  tenantId: string,
  name: string,
  part: Part,
  maxBytes: number,
): Promise<Attachment> {
  const { id, size } = await blobs.put(tenantId, part.body, { maxBytes })
  return { name: storableText(name), blobId: id, mimeType: mimeTypeOf(part.contentType), size }
}

/**
 * The content type as it was sent, without the `;length=…` that JavaScript's clients append (contracts/langsmith.md
 * 2.4.3). It is not parsed and formatted again, because that would rewrite its other parameters.
 */
function mimeTypeOf(contentType: string | null): string {
  const type = (contentType ?? '').replace(/;\s*length=\d+\s*(?=;|$)/gi, '').trim()
  return type === '' ? 'application/octet-stream' : storableText(type)
}

/** `attachments_operations` of an update: which stored attachments to keep and which to rename. */
export const attachmentsOperations = z.object({
  rename: z.record(z.string(), text).nullish(),
  retain: z.array(text).nullish(),
})

/** @param given checked by `attachmentsOperations` */
export function readOperations(given: JsonText): AttachmentOperations {
  const members = sliceMembers(given)
  const retain = JSON.parse(members.get('retain') ?? 'null') as string[] | null
  const rename = [...sliceMembers(members.get('rename') ?? '{}')].map(([from, to]) => {
    const name: unknown = JSON.parse(to)
    // zod does not check the key `__proto__`, so its value may be no string. `updateAttachments` refuses an empty name.
    return [storableText(from), typeof name === 'string' ? storableText(name) : ''] as const
  })
  return { retain: (retain ?? []).map(storableText), rename: new Map(rename) }
}
