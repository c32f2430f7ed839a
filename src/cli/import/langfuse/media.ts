import { createHash } from 'node:crypto'
import { CliError, exitCodes } from '../../exit.ts'
import { jsonBody } from '../api.ts'
import { itemOf, required, type Item } from '../item.ts'
import { type Job, unlessRefused } from '../job.ts'

/** What a file belongs to. */
type Owner =
  | { traceId: string; observationId?: string }
  | { datasetId: string; datasetItemId: string }

const reference = /@@@langfuseMedia:[^@]*?\bid=([\w-]+)/g

/** Copies the files that JSON refers to and that the target does not have, before what refers to them. */
export async function copyMedia(job: Job, json: string, owner: Owner): Promise<void> {
  for (const id of new Set([...json.matchAll(reference)].map(([, id]) => id!))) {
    const unit = `media/${id}`
    if (job.state.placeOf(unit) === null) continue
    const media = await job.source.find(`/api/public/media/${id}`)
    // Announced, but never uploaded.
    if (media === null) continue
    const isThere = (await job.target.find(`/api/public/media/${id}`)) !== null
    const isCopied = isThere || (await unlessRefused(job, async () => copy(job, media, owner)))
    await job.state.advance(unit, null, isCopied ? { media: 1 } : {})
  }
}

/** The bytes are read twice, because their hash is needed before they are sent; they are never held. */
async function copy({ source, target }: Job, media: Item, owner: Owner): Promise<void> {
  const link = required(media, 'url')
  const open = async () => (await source.file(link)).body ?? new Blob([]).stream()
  const contentType = required(media, 'contentType')
  const announcement = {
    ...owner,
    field: 'input',
    contentType,
    contentLength: media.value('contentLength'),
    sha256Hash: await hashOf(source.url, await open()),
  }
  const announced = itemOf(
    await target.text('POST', '/api/public/media', jsonBody(JSON.stringify(announcement))),
  )
  const uploadUrl = announced.text('uploadUrl')
  if (uploadUrl !== null) {
    const { pathname, search } = new URL(uploadUrl)
    // The target may be known to others by an address with a path, which is no part of the one that is used here.
    const path = pathname.slice(pathname.indexOf('/api/public/'))
    await target.text('PUT', path + search, { type: contentType, make: open })
  }
  const report = { uploadedAt: required(media, 'uploadedAt'), uploadHttpStatus: 200 }
  await target.text(
    'PATCH',
    `/api/public/media/${required(announced, 'mediaId')}`,
    jsonBody(JSON.stringify(report)),
  )
}

/** @returns the SHA-256 in base64 @throws CliError when the connection to the server is lost */
async function hashOf(url: string, content: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256')
  try {
    for await (const chunk of content) hash.update(chunk)
  } catch {
    throw new CliError(exitCodes.unavailable, `A file of ${url} broke off`)
  }
  return hash.digest('base64')
}
