import {
  scoreCount,
  scoreList,
  scoreNarrow,
  type ScoreQuery,
} from '../../../store/read/feedback/scores.ts'
import type { Services } from '../../services.ts'
import { metaOf, offsetOf, type PageRequest } from '../requests.ts'
import { scoreFromRow, scoreTraceFromRow } from './score-from-row.ts'

/** A page of scores with their traces, newest first. @param hasTraces false: without their traces */
export async function listScores(
  { db }: Services,
  tenantId: string,
  query: ScoreQuery,
  page: PageRequest,
  hasTraces: boolean,
): Promise<Record<string, unknown>> {
  const narrow = await scoreNarrow(db, tenantId, query)
  const [rows, total] = await Promise.all([
    scoreList(db, tenantId, narrow, { limit: page.limit, offset: offsetOf(page) }),
    scoreCount(db, tenantId, narrow),
  ])
  const data = rows.map((row) => ({
    ...scoreFromRow(tenantId, row),
    ...(hasTraces ? { trace: scoreTraceFromRow(row) } : {}),
  }))
  return { data, meta: metaOf(page, total) }
}
