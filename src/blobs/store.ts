import type { Readable } from 'node:stream'
import type { Timestamp } from '../domain/timestamp.ts'

/** The home of the bytes, or the disk they pass, is away, full or refuses us. Nothing was stored; later it may work. */
export class BlobsUnavailableError extends Error {
  override name = 'BlobsUnavailableError'
}

/** The content is larger than the caller takes. Nothing was stored. */
export class BlobTooLargeError extends Error {
  override name = 'BlobTooLargeError'
  readonly maxBytes: number
  constructor(maxBytes: number) {
    super(`Content exceeds ${maxBytes} bytes`)
    this.maxBytes = maxBytes
  }
}

/** A stored content. The same bytes have the same id in every tenant, and are stored once in each. */
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

/** Names one content of one tenant. Both are canonical UUIDs, so they are safe in paths. */
export interface BlobKey {
  tenantId: string
  id: string
}

/** A content that has arrived whole, on the local disk, and is not stored yet. */
export interface IncomingFile {
  path: string
  /** Bytes. */
  size: number
  /** Lower-case hex. */
  sha256: string
  /** Removes the file, unless a home has taken it away. */
  discard(): Promise<void>
}

/** What a home of bytes must do. A failure of its own is a BlobsUnavailableError. */
export interface BlobHome {
  /** @throws Error whose message says why the home cannot be used */
  start(): Promise<void>
  has(key: BlobKey): Promise<boolean>
  /** Stores the whole file or nothing; then it survives a crash. May take the file away. Replaces what is there. */
  write(key: BlobKey, file: IncomingFile): Promise<void>
  /** @returns null when there are no such bytes. The caller reads the stream to its end or destroys it. */
  read(key: BlobKey, range: ByteRange | null): Promise<Readable | null>
  /** Does nothing when there are no such bytes. */
  remove(key: BlobKey): Promise<void>
  stop(): Promise<void>
}

/** Contents, by tenant, addressed by what they hold. Memory does not grow with their size. */
export interface BlobStore {
  /** @throws Error whose message says why the store cannot be used */
  start(): Promise<void>
  /**
   * Stores a content; a repeat stores nothing new. Once this resolves the content survives a crash, and before that it
   * cannot be seen. An error of `content` passes through.
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
   * The bytes of a content, or a range of them that lies within its size. The caller reads the stream to its end or
   * destroys it.
   * @returns null when the tenant has stored no such content
   * @throws BlobsUnavailableError
   */
  get(tenantId: string, id: string, range?: ByteRange): Promise<Readable | null>
  /**
   * Removes a content to which nothing refers, bytes and all; bytes that a broken write left count as never used.
   * @param usedBefore one that was stored again since is kept: what refers to it may not be written yet
   * @returns its bytes; null when the tenant has stored no such content, or it is kept
   * @throws BlobsUnavailableError; RangeError for what is no UUID
   */
  removeUnused(tenantId: string, id: string, usedBefore: Timestamp): Promise<number | null>
  stop(): Promise<void>
}
