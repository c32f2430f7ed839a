import type { Measure, Verdict } from '../../api/answers.ts'
import type { Row, Side } from './read.ts'
import type { Change } from './state.ts'

export const verdictTones: Record<Verdict, 'good' | 'bad' | 'plain' | 'warn'> = {
  better: 'good',
  worse: 'bad',
  'not worse': 'plain',
  undecided: 'plain',
  identical: 'plain',
  'cannot judge': 'warn',
}

/** A sign and a word for each way in which a value may have changed, so that none is told by its colour alone. */
export const changeSigns: Record<Change, { sign: string; word: string; tone: string }> = {
  improved: { sign: '▲', word: 'better', tone: 'good' },
  regressed: { sign: '▼', word: 'worse', tone: 'bad' },
  equal: { sign: '=', word: 'equal', tone: 'plain' },
  missing: { sign: '∅', word: 'missing', tone: 'warn' },
}

/** Differences up to this are equal, as the API has it. */
const tolerance = 1e-9

/** How a row's value of a measure changed. */
export function changeOf(row: Pick<Row, 'measures'>, { key, direction }: Measure): Change {
  const { a, b } = row.measures[key] ?? { a: null, b: null }
  if (a === null || b === null) return 'missing'
  const gain = direction === 'higher' ? b - a : a - b
  if (gain > tolerance) return 'improved'
  return gain < -tolerance ? 'regressed' : 'equal'
}

/** Why a side has no value of a measure. */
export function reasonOf({ executions, failed, unfinished }: Side): string {
  if (executions === 0) return 'not run'
  if (failed > 0) return 'failed'
  return unfinished > 0 ? 'running' : 'no score'
}
