import type { IngestEvent } from '../domain/events.ts'

/** A job is a chunk of one request. It holds about this many events, or about `chunkBytes` of them. */
const chunkEvents = 500
const chunkBytes = 1_048_576

/** Divides the events of one request into jobs. */
export function chunk(events: IngestEvent[]): IngestEvent[][] {
  const chunks: IngestEvent[][] = []
  let bytes = 0
  for (const event of events) {
    const size = sizeOf(event)
    const last = chunks.at(-1)
    if (last === undefined || last.length >= chunkEvents || bytes + size > chunkBytes) {
      chunks.push([event])
      bytes = size
    } else {
      last.push(event)
      bytes += size
    }
  }
  return chunks
}

/** An estimate, because the payload is what makes an event large. */
function sizeOf(event: IngestEvent): number {
  let size = 200
  for (const value of Object.values(event.patch)) {
    if (typeof value === 'string') size += value.length
    else if (value !== null && typeof value === 'object') {
      for (const member of Object.values(value)) size += member.length
    }
  }
  return size
}
