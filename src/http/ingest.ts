import { randomUUID } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { IngestEvent } from '../domain/events.ts'
import type { IngestJob } from '../queue/catalog.ts'
import { chunk } from './chunk.ts'
import type { Services } from './services.ts'

/**
 * Puts events into the queue. Once this resolves, all of them are durable (SPEC I1). An interactive write then waits
 * until they are applied, but for `interactiveWaitMs` at most, and succeeds either way (SPEC I9). With `Prefer: wait=N`
 * (RFC 7240, in seconds) any write waits.
 * @param events the list is empty afterwards: a request that waits for the queue must not hold what was sent, because
 * whatever is held is copied when V8 collects garbage
 * @throws QueueUnavailableError when the queue cannot take them; nothing was stored, but for what SPEC I7 names
 */
export async function acceptEvents(
  { queue, backlog, clock, interactiveWaitMs }: Services,
  request: FastifyRequest,
  events: IngestEvent[],
  { isInteractive }: { isInteractive: boolean },
): Promise<void> {
  const { length } = events
  if (length === 0) return
  const waitMs = preferredWaitMs(request) ?? (isInteractive ? interactiveWaitMs : 0)
  const jobs = chunk(events).map(
    (part): IngestJob => ({
      batchId: randomUUID(),
      tenantId: request.principal.tenantId,
      receivedAt: clock.now(),
      events: part,
    }),
  )
  events.length = 0
  // Serializing jobs takes about as long as parsing the body did.
  await request.takeTurn()
  const watches = waitMs > 0 ? jobs.map((job) => queue.watchApplied(job.batchId)) : []
  const startedAt = performance.now()
  try {
    const store = async () => backlog.enqueue(waitMs > 0 ? 'ingest-interactive' : 'ingest', jobs)
    await (request.span?.enqueue(jobs, store) ?? store())
    request.endIntake()
    request.countAccepted(length, performance.now() - startedAt)
    // What it took until here counts, so that a slow database does not hold a client twice.
    const leftMs = waitMs - (performance.now() - request.begunAt)
    await Promise.all(watches.map(async (watch) => watch.wait(leftMs)))
  } finally {
    for (const watch of watches) watch.cancel()
  }
}

/** Returns how long the client asks to wait; null when it does not ask. It can have 30 s. */
function preferredWaitMs(request: FastifyRequest): number | null {
  const sent = String(request.headers.prefer ?? '')
  const match = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,5})/i.exec(sent)
  return match === null ? null : Math.min(Number(match[1]), 30) * 1000
}
