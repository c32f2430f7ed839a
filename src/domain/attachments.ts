import type { JsonMap, JsonText } from './entities.ts'

/** A file of an example or a run. Its bytes are a blob of the tenant. */
export interface Attachment {
  name: string
  blobId: string
  /** As sent. */
  mimeType: string
  /** Bytes. */
  size: number
}

interface StoredAttachment {
  blob_id: string
  mime_type: string
  size: number
}

/** Writes the attachments of an example, as a list because their order matters. null when there are none. */
export function attachmentsText(attachments: readonly Attachment[]): JsonText | null {
  if (attachments.length === 0) return null
  return JSON.stringify(attachments.map(({ name, ...rest }) => ({ name, ...toStored(rest) })))
}

/** Writes the attachments of a run, as a map that keeps the newest under each name. */
export function attachmentsMap(attachments: readonly Attachment[]): JsonMap {
  return Object.fromEntries(
    attachments.map(({ name, ...rest }) => [name, JSON.stringify(toStored(rest))]),
  )
}

/** Reads what `attachmentsText` or `attachmentsMap` wrote. */
export function readAttachments(text: JsonText | null): Attachment[] {
  if (text === null) return []
  const stored = JSON.parse(text) as
    | (StoredAttachment & { name: string })[]
    | Record<string, StoredAttachment>
  if (Array.isArray(stored)) return stored.map(({ name, ...rest }) => fromStored(name, rest))
  return Object.entries(stored).map(([name, rest]) => fromStored(name, rest))
}

function toStored({ blobId, mimeType, size }: Omit<Attachment, 'name'>): StoredAttachment {
  return { blob_id: blobId, mime_type: mimeType, size }
}

function fromStored(name: string, { blob_id, mime_type, size }: StoredAttachment): Attachment {
  return { name, blobId: blob_id, mimeType: mime_type, size }
}

/** Which of the stored attachments an update keeps, and under which names. */
export interface AttachmentOperations {
  retain: readonly string[]
  /** Old name to new. */
  rename: ReadonlyMap<string, string>
}

/** The operations contradict each other, or name an attachment that does not exist. The message is for the client. */
export class AttachmentOperationsError extends Error {
  override name = 'AttachmentOperationsError'
}

/**
 * Returns the attachments of an example after an update (contracts/langsmith.md 2.4.3). Without operations, uploads
 * replace all that is stored, and an update without uploads keeps all. With operations, only the attachments that
 * they name stay; uploads are added, and replace a kept attachment of the same name. Kept attachments keep their
 * place; new names come last.
 * @throws AttachmentOperationsError
 */
export function updateAttachments(
  stored: readonly Attachment[],
  operations: AttachmentOperations | null,
  uploaded: readonly Attachment[],
): Attachment[] {
  if (operations === null) return [...(uploaded.length > 0 ? uploaded : stored)]
  checkOperations(stored, operations)
  const result = new Map<string, Attachment>()
  for (const attachment of stored) {
    const { name } = attachment
    const kept = operations.rename.get(name) ?? (operations.retain.includes(name) ? name : null)
    if (kept !== null) result.set(kept, { ...attachment, name: kept })
  }
  for (const attachment of uploaded) result.set(attachment.name, attachment)
  return [...result.values()]
}

function checkOperations(
  stored: readonly Attachment[],
  { retain, rename }: AttachmentOperations,
): void {
  const names = new Set(stored.map(({ name }) => name))
  const taken = new Set(retain)
  for (const name of [...retain, ...rename.keys()]) {
    if (!names.has(name))
      throw new AttachmentOperationsError(`No attachment is named ${show(name)}`)
  }
  for (const [from, to] of rename) {
    if (to === '') throw new AttachmentOperationsError(`${show(from)} is renamed to nothing`)
    if (retain.includes(from)) {
      throw new AttachmentOperationsError(`${show(from)} is both retained and renamed`)
    }
    if (taken.has(to)) {
      throw new AttachmentOperationsError(`${show(from)} is renamed to ${show(to)}, which is taken`)
    }
    taken.add(to)
  }
}

function show(name: string): string {
  return JSON.stringify(name.slice(0, 200))
}
