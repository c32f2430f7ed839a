import { z } from 'zod'
import { jsonbText } from '../../../domain/json.ts'
import { experimentFind } from '../../../store/read/experiments/experiments.ts'
import { traceListStored } from '../../../store/read/traces/traces.ts'
import { traceDeleteMany, traceDeleteWithMetadata } from '../../../store/write/traces.ts'
import { messageAnswer } from '../../answer-schemas.ts'
import type { App, Services } from '../../services.ts'
import { invalid, notFound } from '../errors.ts'
import { uuid } from '../schemas.ts'

const tags = ['runs']

const tracesSchema = {
  tags,
  summary: 'Delete traces',
  body: z.object({ session_id: uuid, trace_ids: z.array(uuid).max(1000) }),
  response: { 200: messageAnswer },
}

const runsSchema = {
  tags,
  summary: 'Delete traces by id or metadata',
  body: z.object({
    session_id: uuid.nullish(),
    trace_ids: z.array(uuid).max(1000).nullish(),
    metadata: z.record(z.string(), z.string()).nullish(),
  }),
  response: { 200: messageAnswer },
}

/** Deletes whole traces, for good (contracts/langsmith.md 2.6.3). */
export function postRunsDelete(app: App, { db, clock }: Services): void {
  app.post('/runs/delete/traces', { schema: tracesSchema }, async (request) => {
    const { tenantId } = request.principal
    const { session_id: sessionId } = request.body
    if ((await experimentFind(db, tenantId, sessionId)) === null) throw notFound('Session')
    const traceIds = await traceListStored(db, tenantId, request.body.trace_ids)
    await traceDeleteMany(db, tenantId, sessionId, traceIds, clock.now())
    return { message: 'Traces deleted' }
  })

  // Deletes the named traces, and every trace of the session that has a run with all of the metadata.
  app.post('/runs/delete', { schema: runsSchema }, async (request) => {
    const { tenantId } = request.principal
    const sessionId = request.body.session_id ?? null
    const traceIds = request.body.trace_ids ?? []
    const metadata = Object.entries(request.body.metadata ?? {})
    if (traceIds.length === 0 && metadata.length === 0) {
      throw invalid(['body'], 'Either trace_ids or metadata is required')
    }
    if (sessionId === null && metadata.length > 0) {
      throw invalid(['body', 'session_id'], 'Metadata is looked for in one session')
    }
    if (sessionId !== null && (await experimentFind(db, tenantId, sessionId)) === null) {
      throw notFound('Session')
    }
    const storedIds = await traceListStored(db, tenantId, traceIds)
    await traceDeleteMany(db, tenantId, sessionId, storedIds, clock.now())
    if (sessionId !== null && metadata.length > 0) {
      const text = jsonbText(JSON.stringify(Object.fromEntries(metadata)))
      await traceDeleteWithMetadata(db, tenantId, sessionId, text, clock.now())
    }
    return { message: 'Traces deleted' }
  })
}
