import type { Measure } from '../../api/answers.ts'
import { amount, count, difference } from '../../parts/format.ts'
import { DifferenceBar } from '../../parts/interval-bar.tsx'
import { changes, type Change, type ComparisonState, type Sort } from './state.ts'
import { changeSigns, verdictTones } from './tone.ts'

interface Props {
  measure: Measure
  state: ComparisonState
  set: (change: Partial<ComparisonState>) => void
}

/** The head of a measure's column: means, difference, interval, counts that choose rows, and what sorts by it. */
export function MeasureHead({ measure, state, set }: Props) {
  const { key, delta, interval, verdict, baseline_mean, candidate_mean } = measure
  const sort = state.sort?.measure === key ? state.sort : null
  const tone = verdictTones[verdict]
  return (
    <div class="measure-head">
      <button
        type="button"
        class="measure-sort"
        title={`${key}: ${measure.direction} is better`}
        onClick={() => set(sorted(nextSort(sort, measure), state))}
      >
        <span class="cut">{key}</span>
        {sort === null ? (
          <span class="measure-order" aria-hidden="true">
            ↕
          </span>
        ) : (
          <span class="measure-order">{sentenceOf(sort, measure)}</span>
        )}
        <span class="unseen">: sort {sentenceOf(nextSort(sort, measure), measure)}</span>
      </button>
      <span class="measure-means">
        {baseline_mean === null ? 'none' : amount(measure, baseline_mean)} →{' '}
        {candidate_mean === null ? 'none' : amount(measure, candidate_mean)}
        {delta !== null && <b class={`tone-${tone}`}>{difference(measure, delta)}</b>}
      </span>
      {delta === null ? (
        <span class="faint">no pairs</span>
      ) : (
        <DifferenceBar delta={delta} interval={interval} tone={tone === 'warn' ? 'plain' : tone} />
      )}
      <span class="counts" role="group" aria-label={`Rows by change of ${key}`}>
        {changes.map((change) => (
          <CountButton key={change} change={change} measure={measure} state={state} set={set} />
        ))}
      </span>
    </div>
  )
}

function CountButton({ change, measure, state, set }: Props & { change: Change }) {
  const { key, better, worse, equal, missing } = measure
  const amount = { improved: better, regressed: worse, equal, missing }[change]
  const { sign, word, tone } = changeSigns[change]
  const held = state.change?.measure === key ? state.change.is : []
  const isOn = held.includes(change)
  const choose = () => {
    const is = isOn ? held.filter((each) => each !== change) : [...held, change]
    // Rows are sorted and chosen by one measure.
    const sort = state.sort?.measure === key ? state.sort : null
    set({ change: is.length === 0 ? null : { measure: key, is }, sort })
  }
  return (
    <button
      type="button"
      class={`count-button tone-${tone}`}
      aria-pressed={isOn}
      aria-label={`${count(amount)} ${word}: show only these`}
      title={`${count(amount)} ${word}`}
      onClick={choose}
    >
      <span aria-hidden="true">{sign}</span>
      {count(amount)}
    </button>
  )
}

/** The worst first, then the best first, then as before. */
function nextSort(held: Sort | null, { key, direction }: Measure): Sort | null {
  const worst = direction === 'higher' ? 'asc' : 'desc'
  if (held === null) return { measure: key, by: 'difference', order: worst }
  if (held.order === worst) {
    return { measure: key, by: 'difference', order: worst === 'asc' ? 'desc' : 'asc' }
  }
  return null
}

function sentenceOf(sort: Sort | null, { direction }: Measure): string {
  if (sort === null) return 'newest first'
  return (sort.order === 'asc') === (direction === 'higher') ? 'worst first' : 'best first'
}

function sorted(sort: Sort | null, state: ComparisonState): Partial<ComparisonState> {
  const isOther = sort !== null && state.change !== null && state.change.measure !== sort.measure
  return isOther ? { sort, change: null } : { sort }
}
