import { z } from 'zod'
import { resolveId } from '../../../domain/ids.ts'
import {
  observationListOfTrace,
  type ObservationRow,
} from '../../../store/read/runs/observations.ts'
import { scoreList } from '../../../store/read/feedback/scores.ts'
import { traceFind } from '../../../store/read/traces/traces.ts'
import { answerOf } from '../../documented-answers.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { streamList } from '../json-stream.ts'
import { observationAnswer } from './observation-answer.ts'
import { observationFromRow } from './observation-from-row.ts'
import { textList } from '../requests.ts'
import { scoreAnswer, scoreFromRow } from '../scores/score-from-row.ts'
import {
  traceDetails,
  traceDetailsAnswer,
  traceGroupsOf,
  traceColumnsOf,
} from './trace-from-row.ts'

/** Observations that are read by one query; each may hold megabytes. */
const pageSize = 100

/** Most scores of a trace that are answered. They are small, so they are not streamed. */
const maxScores = 10_000

const answer = traceDetailsAnswer.extend({
  scores: z.array(scoreAnswer),
  observations: z.array(observationAnswer),
})

/** Reads a trace with all its observations, oldest first, and its scores (contracts/langfuse.md 2.9). */
export function getTracesId(app: App, { db }: Services): void {
  const schema = {
    params: z.object({ traceId: z.string() }),
    querystring: z.object({ fields: textList.optional() }),
    response: { 200: answerOf(200, answer) },
    tags: ['langfuse traces'],
    summary: 'Read a trace with its observations and scores',
  }
  app.get('/traces/:traceId', { schema }, async (request, reply) => {
    const { tenantId } = request.principal
    const { traceId } = request.params
    const { id } = resolveId('trace', traceId)
    const asked = traceGroupsOf(request.query.fields)
    const columns = { ...traceColumnsOf(asked), observationIds: false, scoreIds: false }
    const row = await traceFind(db, tenantId, id, columns)
    if (row === null) throw notFound(`Trace ${traceId} not found within authorized project`)
    const page = { limit: maxScores, offset: 0 }
    const scores = asked.has('scores')
      ? await scoreList(db, tenantId, { traceIds: [id], isTraceOnly: true }, page)
      : []
    const next = async (last: ObservationRow | null) =>
      observationListOfTrace(db, tenantId, id, last, pageSize)
    const body = streamList(
      {
        ...traceDetails(tenantId, row),
        scores: scores.map((score) => scoreFromRow(tenantId, score)),
      },
      'observations',
      asked.has('observations') ? await next(null) : [],
      next,
      (observation) => observationFromRow(tenantId, observation),
    )
    return reply.type('application/json; charset=utf-8').send(body)
  })
}
