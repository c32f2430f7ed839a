import type { z } from 'zod'
import {
  scoreCount,
  scoreList,
  scoreNarrow,
  type ScoreQuery,
} from '../../../store/read/feedback/scores.ts'
import type { App, AskedList, Services } from '../../services.ts'
import { invalidRequest } from '../errors.ts'
import { metaOf, pageOf } from '../requests.ts'
import { scoreAnswer, scoreFromRow, scoreTraceAnswer, scoreTraceFromRow } from './score-from-row.ts'
import { scoreQueryOf, scoreQuerystring } from './score-query.ts'

const tags = ['langfuse scores']

const listAnswer = pageOf(scoreAnswer.extend({ trace: scoreTraceAnswer }))

const v1Schema = {
  querystring: scoreQuerystring,
  response: { 200: listAnswer },
  tags,
  summary: 'List scores of traces (v1)',
}

const v2Schema = {
  querystring: scoreQuerystring,
  response: { 200: listAnswer },
  tags,
  summary: 'List scores',
}

/** Lists of scores by v1 and v2, newest first (contracts/langfuse.md 2.6.2). */
export function getScores(app: App, services: Services): void {
  // v1 has only scores of traces and observations, and no corrections.
  app.get('/scores', { schema: v1Schema }, async ({ principal: { tenantId }, query }) => {
    const asked = { ...scoreQueryOf(query), isTraceOnly: true }
    return listScores(services, { tenantId, name: 'scores', query }, asked, true)
  })

  // v2 has scores of every kind. A score whose trace has not arrived has null for it; Langfuse would leave it out.
  app.get('/v2/scores', { schema: v2Schema }, async ({ principal: { tenantId }, query }) => {
    const hasTraces = readsTraces(query)
    const list = { tenantId, name: 'v2/scores', query }
    return listScores(services, list, scoreQueryOf(query), hasTraces)
  })
}

/** @returns whether `fields` asks for the traces of the scores. @throws LangfuseError 400 */
function readsTraces({ fields, userId, traceTags }: z.output<typeof scoreQuerystring>): boolean {
  if (fields === undefined) return true
  if (!fields.includes('score')) throw invalidRequest('Scores needs to be selected always.')
  if (fields.includes('trace')) return true
  if (userId !== undefined || traceTags !== undefined) {
    throw invalidRequest(
      "Cannot filter by trace properties (userId, traceTags) when 'trace' field is not included. Please add 'trace' to the fields parameter or remove trace filters.",
    )
  }
  return false
}

async function listScores(
  { db, countedPage }: Services,
  list: AskedList,
  query: ScoreQuery,
  hasTraces: boolean,
): Promise<z.output<typeof listAnswer>> {
  const { tenantId } = list
  const narrow = await scoreNarrow(db, tenantId, query)
  const { rows, total } = await countedPage(
    list,
    async (place) => scoreList(db, tenantId, narrow, place),
    async () => scoreCount(db, tenantId, narrow),
  )
  const data = rows.map((row) => ({
    ...scoreFromRow(tenantId, row),
    trace: hasTraces ? scoreTraceFromRow(row) : null,
  }))
  return { data, meta: metaOf(list.query, total) }
}
