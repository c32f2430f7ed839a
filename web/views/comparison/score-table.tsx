import type { Execution, Json, Measure, Score } from '../../api/answers.ts'
import { difference, short } from '../../parts/format.ts'
import type { Row } from './read.ts'
import { changeOf, changeSigns } from './tone.ts'

/** All scores of both sides with their reasons, beside each other. */
export function ScoreTable({
  measures,
  row,
  baseline,
  candidate,
}: {
  measures: readonly Measure[]
  row: Row | undefined
  baseline: readonly Execution[]
  candidate: readonly Execution[]
}) {
  const keys = new Set<string>()
  for (const { scores } of [...baseline, ...candidate]) for (const { key } of scores) keys.add(key)
  if (keys.size === 0) {
    return (
      <section aria-label="Scores">
        <h3>Scores</h3>
        <p class="nothing">No execution of this example was scored.</p>
      </section>
    )
  }
  return (
    <section aria-label="Scores">
      <h3>Scores</h3>
      <table class="scores">
        <thead>
          <tr>
            <th scope="col">Score</th>
            <th scope="col">Baseline</th>
            <th scope="col">Candidate</th>
          </tr>
        </thead>
        <tbody>
          {[...keys].map((key) => (
            <tr key={key}>
              <th scope="row">
                {key}
                <Change measure={measures.find((each) => each.key === key)} row={row} />
              </th>
              <td>
                <Given executions={baseline} name={key} />
              </td>
              <td>
                <Given executions={candidate} name={key} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

function Change({ measure, row }: { measure: Measure | undefined; row: Row | undefined }) {
  if (measure === undefined || row === undefined) return null
  const change = changeOf(row, measure)
  const { sign, word, tone } = changeSigns[change]
  const { a, b } = row.measures[measure.key] ?? { a: null, b: null }
  return (
    <span class={`note tone-${tone}`}>
      <span aria-hidden="true">{sign}</span> {word}
      {a !== null && b !== null && change !== 'equal' && ` ${difference(measure, b - a)}`}
    </span>
  )
}

function Given({ executions, name }: { executions: readonly Execution[]; name: string }) {
  const isRepeated = executions.length > 1
  const given = executions.map(({ scores }) => scores.filter(({ key }) => key === name))
  if (given.every((scores) => scores.length === 0)) return <span class="faint">no score</span>
  return (
    <ul class="given">
      {given.map((scores, index) =>
        scores.length === 0 ? (
          <li key={executions[index]!.id}>
            {isRepeated && <span class="nth">{index + 1}</span>}
            <span class="faint">no score</span>
          </li>
        ) : (
          scores.map((score) => (
            <li key={score.id}>
              {isRepeated && <span class="nth">{index + 1}</span>}
              <b class="score-value">{valueOf(score)}</b>
              {score.source !== null && <span class="faint"> {score.source}</span>}
              {score.comment !== null && score.comment !== '' && (
                <p class="reason-text">{score.comment}</p>
              )}
            </li>
          ))
        ),
      )}
    </ul>
  )
}

function valueOf({ score, value }: Score): string {
  if (value !== null) return textOf(value)
  return score === null ? 'no value' : textOf(score)
}

function textOf(value: Json): string {
  if (typeof value === 'number') return short(value)
  return typeof value === 'string' ? value : JSON.stringify(value)
}
