import { randomUUID } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { IngestEvent } from '../domain/events.ts'
import type { IngestJob } from '../queue/catalog.ts'
import type { Services } from './services.ts'

/** A job is a chunk of one request. It holds about this many events, or about `chunkBytes` of them. */
const chunkEvents = 500
const chunkBytes = 1_048_576

/**
 * Puts events into the queue. Once this resolves, all of them are durable (SPEC I1). An interactive write then waits
 * until they are applied, but for `interactiveWaitMs` at most, and succeeds either way (SPEC I9). With `Prefer: wait=N`
 * (RFC 7240, in seconds) any write waits.
 * @throws QueueUnavailableError when the queue cannot take them; nothing was stored
 */
export async function acceptEvents(
  { queue, backlog, clock, interactiveWaitMs }: Services,
  request: FastifyRequest,
  events: IngestEvent[],
  { isInteractive }: { isInteractive: boolean },
): Promise<void> {
  if (events.length === 0) return
  const waitMs = preferredWaitMs(request) ?? (isInteractive ? interactiveWaitMs : 0)
  const jobs = chunk(events).map(
    (part): IngestJob => ({
      batchId: randomUUID(),
      tenantId: request.principal.tenantId,
      receivedAt: clock.now(),
      events: part,
    }),
  )
  // Serializing jobs takes about as long as parsing the body did.
  await request.takeTurn()
  const watches = waitMs > 0 ? jobs.map((job) => queue.watchApplied(job.batchId)) : []
  try {
    await backlog.enqueue(waitMs > 0 ? 'ingest-interactive' : 'ingest', jobs)
    // What it took until here counts, so that a slow database does not hold a client twice.
    const leftMs = waitMs - (performance.now() - request.begunAt)
    await Promise.all(watches.map(async (watch) => watch.wait(leftMs)))
  } finally {
    for (const watch of watches) watch.cancel()
  }
}

function chunk(events: IngestEvent[]): IngestEvent[][] {
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

/** Returns how long the client asks to wait; null when it does not ask. It can have 30 s. */
function preferredWaitMs(request: FastifyRequest): number | null {
  const sent = String(request.headers.prefer ?? '')
  const match = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,5})/i.exec(sent)
  return match === null ? null : Math.min(Number(match[1]), 30) * 1000
}
