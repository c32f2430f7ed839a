import { compare, type Connection } from './client.ts'
import type { CompareBody, Comparison, Row } from './comparison.ts'

/** Examples that did worse in a score, the worst first. */
export interface Regressed {
  key: string
  rows: Row[]
}

/**
 * Reads the examples of the first candidate that did worse in a score.
 * @param asked what the comparison was asked with
 */
export async function readRegressed(
  connection: Connection,
  asked: CompareBody,
  { baseline, comparisons }: Comparison,
  key: string,
  { limit, bodies }: Required<Pick<CompareBody, 'limit' | 'bodies'>>,
): Promise<Regressed> {
  const { candidate, measures } = comparisons[0]!
  const measure = measures.find((each) => each.key === key)
  if (measure === undefined || measure.worse === 0) return { key, rows: [] }
  const { candidate_metadata: _, baseline_metadata: __, dataset: ___, ...rest } = asked
  const { rows } = await compare(connection, {
    ...rest,
    // By id: `latest` may be another one by now.
    candidates: [candidate.id],
    baseline: baseline.id,
    measures: [key],
    summary: false,
    change: { measure: key, is: ['regressed'] },
    sort: { measure: key, order: measure.direction === 'higher' ? 'asc' : 'desc' },
    limit,
    bodies,
  })
  return { key, rows }
}
