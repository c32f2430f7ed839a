import type { Json } from '../../api/answers.ts'
import type { RunScore } from '../../api/run-answers.ts'
import { short } from '../../parts/format.ts'
import { TableFrame } from '../../parts/table-frame.tsx'

/** Scores with their reasons. */
export function Scores({ scores }: { scores: readonly RunScore[] }) {
  if (scores.length === 0) return null
  return (
    <section aria-labelledby="scores">
      <div class="section-head">
        <h3 id="scores">Scores</h3>
      </div>
      <TableFrame label="Scores">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Key</th>
              <th scope="col">Score</th>
              <th scope="col">Reason</th>
              <th scope="col">From</th>
            </tr>
          </thead>
          <tbody>
            {scores.map((each) => (
              <tr key={each.id}>
                <th scope="row">{each.key}</th>
                <td>{valueOf(each)}</td>
                <td class="wrap">
                  {each.comment ?? <span class="faint">none</span>}
                  {each.correction !== null && (
                    <span class="note">corrected to {write(each.correction)}</span>
                  )}
                </td>
                <td class="soft">{each.source ?? 'unknown'}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </TableFrame>
    </section>
  )
}

function valueOf({ score, value }: RunScore): string {
  return [score, value]
    .filter((each) => each !== null)
    .map(write)
    .join(' · ')
}

function write(value: Json): string {
  if (typeof value === 'number') return short(value)
  return typeof value === 'string' ? value : JSON.stringify(value)
}
