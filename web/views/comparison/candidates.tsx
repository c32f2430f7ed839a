import type { Comparison } from '../../api/answers.ts'
import { Badge } from '../../parts/badge.tsx'
import { difference } from '../../parts/format.ts'
import { judgedAs } from './judged.ts'
import type { ComparisonState } from './state.ts'
import { verdictTones } from './tone.ts'

/** So many candidates stand beside the first unless somebody chooses. */
const usuallyBeside = 3

/** The further candidates whose values are in the rows. */
export function besideOf(
  comparisons: readonly Comparison[],
  chosen: readonly string[] | null,
): Comparison[] {
  const others = comparisons.slice(1)
  if (chosen === null) return others.slice(0, usuallyBeside)
  return others.filter(({ candidate }) => chosen.includes(candidate.id))
}

/** With several candidates: each beside the others, and which of them the rows are of. */
export function Candidates({
  comparisons,
  beside,
  state,
  set,
}: {
  comparisons: readonly Comparison[]
  beside: readonly Comparison[]
  state: ComparisonState
  set: (change: Partial<ComparisonState>) => void
}) {
  const keys = [...new Set(comparisons.flatMap(({ measures }) => measures.map(({ key }) => key)))]
  const ids = comparisons.map(({ candidate }) => candidate.id)
  const shown = beside.map(({ candidate }) => candidate.id)
  return (
    // oxlint-disable-next-line -- it scrolls, so the keyboard has to reach it
    <div class="table-frame candidates" role="group" aria-label="Candidates" tabIndex={0}>
      <table class="table">
        <thead>
          <tr>
            <th scope="col">Candidate</th>
            <th scope="col">In the rows</th>
            {keys.map((key) => (
              <th scope="col" key={key}>
                {key}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {comparisons.map(({ candidate, measures }, index) => (
            <tr key={candidate.id} class={index === 0 ? 'chosen' : undefined}>
              <th scope="row">{candidate.name}</th>
              <td>
                {index === 0 ? (
                  <span class="soft" title="Rows are sorted and filtered by it">
                    first
                  </span>
                ) : (
                  <span class="name-line">
                    <label class="check">
                      <input
                        type="checkbox"
                        aria-label={`${candidate.name} beside the first`}
                        checked={shown.includes(candidate.id)}
                        onChange={() =>
                          set({
                            beside: ids.filter((id) =>
                              id === candidate.id ? !shown.includes(id) : shown.includes(id),
                            ),
                          })
                        }
                      />
                      beside
                    </label>
                    <button
                      type="button"
                      onClick={() =>
                        set({
                          candidates: [candidate.id, ...ids.filter((id) => id !== candidate.id)],
                          open: null,
                        })
                      }
                    >
                      Put first<span class="unseen">: {candidate.name}</span>
                    </button>
                  </span>
                )}
              </td>
              {keys.map((key) => {
                const measure = measures.find((each) => each.key === key)
                const judged =
                  measure === undefined ? null : judgedAs(measure, state.isErroredWorst)
                return (
                  <td key={key}>
                    {judged === null || judged.delta === null ? (
                      <span class="faint">no pairs</span>
                    ) : (
                      <>
                        <span class={`mean-value tone-${verdictTones[judged.verdict]}`}>
                          {difference(judged, judged.delta)}
                        </span>{' '}
                        <Badge tone={verdictTones[judged.verdict]}>{judged.verdict}</Badge>
                      </>
                    )}
                  </td>
                )
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
