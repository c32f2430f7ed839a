import type { Readable } from 'node:stream'
import type { Timestamp } from '../domain/timestamp.ts'

/**
 * The home of the bytes, or the local disk that they pass through, is unreachable, full or not writable. Nothing was
 * stored; a later attempt may succeed.
 */
export class BlobsUnavailableError extends Error {
  override name = 'BlobsUnavailableError'
}

/** The content is larger than the caller allows. Nothing was stored. */
export class BlobTooLargeError extends Error {
  override name = 'BlobTooLargeError'
  readonly maxBytes: number
  constructor(maxBytes: number) {
    super(`Content exceeds ${maxBytes} bytes`)
    this.maxBytes = maxBytes
  }
}

/** Stored content. The same bytes have the same id in every tenant, and each tenant stores them once. */
export interface Blob {
  /** UUID, derived from the SHA-256. */
  id: string
  /** Bytes. */
  size: number
  /** Lower-case hex. */
  sha256: string
}

/** Bytes `first` to `last`, both included, counted from 0. */
export interface ByteRange {
  first: number
  last: number
}

/** Names one blob of one tenant. Both ids are canonical UUIDs, so they are safe in paths. */
export interface BlobKey {
  tenantId: string
  id: string
}

/** Content that has arrived completely and is on the local disk, but is not stored yet. */
export interface IncomingFile {
  path: string
  /** Bytes. */
  size: number
  /** Lower-case hex. */
  sha256: string
  /** Removes the file. Does nothing when a home has moved it away. */
  discard(): Promise<void>
}

/** A place that keeps the bytes of blobs. What goes wrong in it is thrown as BlobsUnavailableError. */
export interface BlobHome {
  /** @throws Error whose message says why the home cannot be used */
  start(): Promise<void>
  has(key: BlobKey): Promise<boolean>
  /**
   * Stores the whole file or nothing, and replaces what is there. Once this resolves, the bytes survive a crash. May
   * move the file away.
   */
  write(key: BlobKey, file: IncomingFile): Promise<void>
  /** @returns null when there are no such bytes. The caller reads the stream to its end or destroys it. */
  read(key: BlobKey, range: ByteRange | null): Promise<Readable | null>
  /** Does nothing when there are no such bytes. */
  remove(key: BlobKey): Promise<void>
  stop(): Promise<void>
}

/** The content of all tenants, addressed by its hash. Memory use does not grow with the size of the content. */
export interface BlobStore {
  /** @throws Error whose message says why the store cannot be used */
  start(): Promise<void>
  /**
   * Stores content. Storing the same content again adds nothing. Once this resolves the content survives a crash;
   * until then no reader sees it. An error of `content` passes through.
   * @throws BlobTooLargeError, BlobsUnavailableError; nothing was stored
   */
  put(
    tenantId: string,
    content: AsyncIterable<Uint8Array>,
    limits: { maxBytes: number },
  ): Promise<Blob>
  /** @returns null when the tenant has stored no such content */
  find(tenantId: string, id: string): Promise<Blob | null>
  /**
   * Reads the bytes of a blob, or a range of them that lies within its size. The caller reads the stream to its end
   * or destroys it.
   * @returns null when the tenant has stored no such content
   * @throws BlobsUnavailableError
   */
  get(tenantId: string, id: string, range?: ByteRange): Promise<Readable | null>
  /**
   * Removes a blob to which nothing refers, with its bytes. Bytes without a row, left by a write that broke off,
   * count as never used.
   * @param usedBefore keeps a blob that was stored again at this time or later, because the row that will refer to it
   * may not be written yet
   * @returns the number of bytes; null when the tenant has stored no such content, or it is kept
   * @throws BlobsUnavailableError; RangeError when either id is not a UUID
   */
  removeUnused(tenantId: string, id: string, usedBefore: Timestamp): Promise<number | null>
  stop(): Promise<void>
}
