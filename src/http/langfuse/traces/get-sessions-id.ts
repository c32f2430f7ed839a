import { z } from 'zod'
import { traceListOfThread, type TraceRow } from '../../../store/read/traces/traces.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { streamList } from '../json-stream.ts'
import { text } from '../requests.ts'
import { sessionFromRow } from './session-from-row.ts'
import { traceFromRow } from './trace-from-row.ts'

/** Traces read in one go: each may hold megabytes. */
const pageSize = 100

/** A session with all its traces, oldest first, unpaginated by contract (contracts/langfuse.md 2.13). */
export function getSessionsId(app: App, { db }: Services): void {
  const schema = {
    params: z.object({ sessionId: text }),
    tags: ['langfuse sessions'],
    summary: 'Read a session with its traces',
  }
  const path = '/sessions/:sessionId'
  app.get(path, { schema }, async ({ principal: { tenantId }, params: { sessionId } }, reply) => {
    const next = async (last: TraceRow | null) =>
      traceListOfThread(db, tenantId, sessionId, last, pageSize)
    const traces = await next(null)
    const [first] = traces
    if (first === undefined) throw notFound('Session not found within authorized project')
    const head = sessionFromRow(tenantId, {
      threadId: sessionId,
      createdAt: first.timestamp,
      environment: first.environment,
    })
    const body = streamList(head, 'traces', traces, next, (row) => traceFromRow(tenantId, row))
    return reply.type('application/json; charset=utf-8').send(body)
  })
}
