import { hash } from 'node:crypto'
import type { Entities, EntityKind } from './entities.ts'
import { toEpochMicros, type Timestamp } from './timestamp.ts'

/**
 * What clients send, on its way through the queue. Every dialect translates into this one form, which is plain JSON.
 * The tenant is a property of the job (queue/catalog.ts), not of each event.
 */
export type IngestEvent = { [K in EntityKind]: EventOf<K> }[EntityKind]

export interface EventOf<K extends EntityKind> {
  kind: K
  /** Canonical UUID of the row. */
  id: string
  /** The client's spelling of the id, when it is not the UUID itself. */
  externalId: string | null
  /** Made by `eventVersion`. A decimal bigint as text, because JSON numbers stop at 53 bits. */
  version: string
  /** An absent property says nothing; null clears. */
  patch: Partial<Nullable<Entities[K]>>
}

type Nullable<T> = { [P in keyof T]: T[P] | null }

/** 2^42 - 1 milliseconds: the year 2109. */
const maxMs = 2 ** 42 - 1

/**
 * Computes the place of an event in the history of its row (SPEC I4). It is unique per event, and the same each time
 * that event is sent. The 63 bits are: the rank (an update outranks any create), 42 bits of milliseconds, and 20 bits
 * that break ties, which hold the microseconds where the client has them, filled up with a hash of what was sent.
 * @param time when the thing happened, according to the client; when we received it, if the client gives no time
 * @param content what tells two events of the same instant apart, usually the text as sent
 */
export function eventVersion(rank: 'create' | 'update', time: Timestamp, content: string): string {
  return hashedVersion(rank, time, hash('sha1', content))
}

/** As `eventVersion`. @param sha1 of the content, in hex */
export function hashedVersion(rank: 'create' | 'update', time: Timestamp, sha1: string): string {
  const micros = Math.max(0, toEpochMicros(time))
  const ms = Math.min(maxMs, Math.floor(micros / 1000))
  const bits = Number.parseInt(sha1.slice(0, 8), 16)
  const subMs = micros % 1000 === 0 ? bits % 1000 : micros % 1000
  const low = BigInt(subMs * 1024 + ((bits >>> 10) % 1024))
  return String((rank === 'update' ? 1n << 62n : 0n) | (BigInt(ms) << 20n) | low)
}

/** Returns when the event of a version happened, in milliseconds since 1970. */
export function versionTimeMs(version: string): number {
  return Number((BigInt(version) >> 20n) & (2n ** 42n - 1n))
}

const bytesPerWeight = 4096

/** What events cost to apply: an event weighs 1, and 1 more for each 4 KiB it holds. */
export function weightOf(events: readonly IngestEvent[]): number {
  const bytes = events.reduce((sum, event) => sum + patchBytes(event.patch), 0)
  return events.length + bytes / bytesPerWeight
}

function patchBytes(patch: object): number {
  let bytes = 0
  for (const value of Object.values(patch)) if (typeof value === 'string') bytes += value.length
  return bytes
}
