import { toEpochMicros, type Timestamp } from './timestamp.ts'

/** 2^40 ms, in November 2004. Clients tell nothing older. */
const minMs = 2 ** 40

/**
 * Computes the version of what is only implied, and holds where no event says it: it is older than `eventVersion` of
 * any time since 2004. Among implied values the higher rank wins, then the earlier time. The 60 bits are: 2 of rank, 51
 * of microseconds counted backwards from the year 2076, and 7 of a hash that breaks ties. Where the client has whole
 * milliseconds, the hash takes the place of the microseconds too.
 * @param rank 0 to 3
 * @param sha1 of the content, in hex
 */
export function impliedVersion(rank: number, time: Timestamp, sha1: string): string {
  const bits = Number.parseInt(sha1.slice(0, 8), 16)
  const micros = toEpochMicros(time) - minMs * 1000
  const fine = micros % 1000 === 0 ? micros + ((bits >>> 7) % 1000) : micros
  const last = 2 ** 51 - 1
  const backwards = last - Math.min(last, Math.max(0, fine))
  return String((BigInt(rank) << 58n) | (BigInt(backwards) << 7n) | BigInt(bits & 127))
}
