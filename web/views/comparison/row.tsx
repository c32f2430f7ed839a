import { memo } from 'preact/compat'
import type { Measure } from '../../api/answers.ts'
import { amount, difference } from '../../parts/format.ts'
import type { Row, Side } from './read.ts'
import { changeOf, changeSigns, reasonOf } from './tone.ts'

/** One example: what it is, how both sides ended, and each measure from baseline to candidate. */
export const ComparisonRow = memo(function ComparisonRow({
  row,
  index,
  top,
  measures,
  isActive,
  isOpen,
  open,
}: {
  row: Row
  index: number
  /** In pixels from the first row. */
  top: number
  measures: readonly Measure[]
  isActive: boolean
  isOpen: boolean
  open: (index: number) => void
}) {
  return (
    <tr
      id={`row-${row.id}`}
      role="row"
      class={isOpen ? 'row row-open' : 'row'}
      style={{ top: `${top}px` }}
      // Below the head.
      aria-rowindex={index + 2}
      aria-selected={isOpen}
      tabIndex={isActive ? 0 : -1}
      onClick={() => open(index)}
    >
      <th role="rowheader" scope="row" class="example">
        <span class="example-line">
          <span class="example-text cut">{row.text}</span>
          <Repetitions row={row} />
        </span>
      </th>
      <td role="cell" class="ends">
        <End side={row.baseline} name="baseline" />
        <End side={row.candidate} name="candidate" />
      </td>
      {measures.map((measure) => (
        <Cell key={measure.key} row={row} measure={measure} />
      ))}
    </tr>
  )
})

/** How often each side executed the example, where it was not once. */
function Repetitions({ row: { baseline, candidate } }: { row: Row }) {
  if (baseline.executions <= 1 && candidate.executions <= 1) return null
  const same = baseline.executions === candidate.executions
  const text = same ? `×${baseline.executions}` : `×${baseline.executions}/${candidate.executions}`
  return (
    <span
      class="repetitions"
      title={`Means of ${baseline.executions} and ${candidate.executions} executions`}
    >
      {text}
    </span>
  )
}

function End({ side, name }: { side: Side; name: string }) {
  const [word, tone] =
    side.executions === 0
      ? ['not run', 'warn']
      : side.failed > 0
        ? [side.failed === side.executions ? 'failed' : `${side.failed} failed`, 'bad']
        : side.unfinished > 0
          ? ['running', 'live']
          : ['ok', 'plain']
  return (
    <span class={`end tone-${tone}`}>
      <span class="unseen">{name}: </span>
      {word}
    </span>
  )
}

function Cell({ row, measure }: { row: Row; measure: Measure }) {
  const { a, b } = row.measures[measure.key] ?? { a: null, b: null }
  const change = changeOf(row, measure)
  const { sign, word, tone } = changeSigns[change]
  return (
    <td role="cell" class={`cell cell-${change}`}>
      <span class="cell-a">{a === null ? <Reason side={row.baseline} /> : amount(measure, a)}</span>{' '}
      <span class="cell-b">
        {b === null ? <Reason side={row.candidate} /> : amount(measure, b)}
      </span>{' '}
      <span class={`cell-change tone-${tone}`} title={word}>
        <span aria-hidden="true">{sign}</span> <span class="unseen">{word}</span>
        {a !== null && b !== null && change !== 'equal' && difference(measure, b - a)}
      </span>
    </td>
  )
}

function Reason({ side }: { side: Side }) {
  return <i class="reason">{reasonOf(side)}</i>
}
