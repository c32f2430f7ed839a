import { z } from 'zod'
import { toMillisecondIso } from '../../../domain/timestamp.ts'
import { threadPage, type SessionRow } from '../../../store/read/traces/threads.ts'
import { traceListOfThread, type TraceRow } from '../../../store/read/traces/traces.ts'
import { answerOf } from '../../documented-answers.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { streamList } from '../json-stream.ts'
import {
  metaOf,
  offsetOf,
  page,
  pageOf,
  shownTime,
  strictDate,
  text,
  textList,
} from '../requests.ts'
import { traceAnswer, traceFromRow } from './trace-from-row.ts'

const tags = ['langfuse sessions']

const sessionAnswer = z
  .object({
    id: z.string(),
    createdAt: shownTime,
    projectId: z.string(),
    environment: z.string(),
  })
  .meta({ id: 'LangfuseSession' })

const listSchema = {
  querystring: z.object({
    ...page,
    fromTimestamp: strictDate.optional(),
    toTimestamp: strictDate.optional(),
    environment: textList.optional(),
  }),
  response: { 200: pageOf(sessionAnswer) },
  tags,
  summary: 'List sessions',
}

const getSchema = {
  params: z.object({ sessionId: text }),
  response: { 200: answerOf(200, sessionAnswer.extend({ traces: z.array(traceAnswer) })) },
  tags,
  summary: 'Read a session with its traces',
}

/** Traces that are read by one query; each may hold megabytes. */
const pageSize = 100

/** Sessions exist because traces name them (contracts/langfuse.md 2.13). They are stored as threads. */
export function sessionsRoutes(app: App, { db }: Services): void {
  app.get('/sessions', { schema: listSchema }, async ({ principal: { tenantId }, query }) => {
    const asked = {
      from: query.fromTimestamp,
      to: query.toTimestamp,
      environments: query.environment,
    }
    const place = { limit: query.limit, offset: offsetOf(query) }
    const { rows, total } = await threadPage(db, tenantId, asked, place)
    return { data: rows.map((row) => sessionFromRow(tenantId, row)), meta: metaOf(query, total) }
  })

  // All traces, oldest first. The contract has no pages here, so they are streamed.
  app.get('/sessions/:sessionId', { schema: getSchema }, async (request, reply) => {
    const { tenantId } = request.principal
    const { sessionId } = request.params
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

/** Session (contracts/langfuse.md 2.13, 2.16). */
function sessionFromRow(tenantId: string, row: SessionRow): z.output<typeof sessionAnswer> {
  return {
    id: row.threadId,
    createdAt: toMillisecondIso(row.createdAt),
    projectId: tenantId,
    environment: row.environment,
  }
}
