import { scoreCount, scoreList, type ScoreQuery } from '../../store/read/scores.ts'
import type { HttpParts } from '../parts.ts'
import { metaOf, offsetOf, type PageRequest } from './requests.ts'
import { scoreFromRow, scoreTraceFromRow } from './score-from-row.ts'

/** A page of scores with their traces, newest first. @param hasTraces false: without their traces */
export async function listScores(
  { db }: HttpParts,
  tenantId: string,
  query: ScoreQuery,
  page: PageRequest,
  hasTraces: boolean,
): Promise<Record<string, unknown>> {
  const [rows, total] = await Promise.all([
    scoreList(db, tenantId, query, { limit: page.limit, offset: offsetOf(page) }),
    scoreCount(db, tenantId, query),
  ])
  const data = rows.map((row) => ({
    ...scoreFromRow(tenantId, row),
    ...(hasTraces ? { trace: scoreTraceFromRow(row) } : {}),
  }))
  return { data, meta: metaOf(page, total) }
}
