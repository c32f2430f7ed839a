import { randomUUID } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { IngestEvent } from '../domain/events.ts'
import type { IngestJob } from '../queue/catalog.ts'
import { chunk } from './chunk.ts'
import type { Services } from './services.ts'

/** The longest time that a client can wait, whatever it asks for. */
const maxWaitMs = 30_000

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
  const startedAt = performance.now()
  try {
    await backlog.enqueue(waitMs > 0 ? 'ingest-interactive' : 'ingest', jobs)
    request.countAccepted(events.length, performance.now() - startedAt)
    await Promise.all(watches.map(async (watch) => watch.wait(waitMs)))
  } finally {
    for (const watch of watches) watch.cancel()
  }
}

function preferredWaitMs(request: FastifyRequest): number | null {
  const seconds = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,5})/i.exec(
    String(request.headers.prefer ?? ''),
  )?.[1]
  return seconds === undefined ? null : Math.min(Number(seconds) * 1000, maxWaitMs)
}
