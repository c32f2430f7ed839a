import { Fragment } from 'preact'
import { memo } from 'preact/compat'
import type { Comparison, Measure } from '../../api/answers.ts'
import { amount, difference } from '../../parts/format.ts'
import { mostListed, type Row, type Side } from './read.ts'
import { changeOf, changeSigns, reasonOf } from './tone.ts'

/** One example: what it is, how both sides ended, and each measure from baseline to candidate. */
export const ComparisonRow = memo(function ComparisonRow({
  row,
  index,
  top,
  measures,
  beside,
  isActive,
  isOpen,
  open,
}: {
  row: Row
  index: number
  /** In pixels from the first row. */
  top: number
  measures: readonly Measure[]
  beside: readonly Comparison[]
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
        <Fragment key={measure.key}>
          <Cell row={row} measure={measure} />
          {beside.map(({ candidate: { id } }) => (
            <BesideCell key={id} held={row.others[id]} measure={measure} />
          ))}
        </Fragment>
      ))}
    </tr>
  )
})

/** How often each side executed the example, where it was not once. */
function Repetitions({ row: { baseline, candidate } }: { row: Row }) {
  if (baseline.executions <= 1 && candidate.executions <= 1) return null
  const [a, b] = [baseline, candidate].map(({ executions }) =>
    executions < mostListed ? String(executions) : `${executions} or more`,
  )
  return (
    <span class="repetitions" title={`Means of ${a} and ${b} executions`}>
      ×{a === b ? a : `${a}/${b}`}
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
  return (
    <td role="cell" class={`cell cell-${change}`}>
      <span class="cell-a">{a === null ? <Reason side={row.baseline} /> : amount(measure, a)}</span>{' '}
      <span class="cell-b">
        {b === null ? <Reason side={row.candidate} /> : amount(measure, b)}
      </span>{' '}
      <ChangeMark {...{ change, a, b, measure }} />
    </td>
  )
}

/** How a value changed: by a sign, in words for those who do not see it, and by how much. */
function ChangeMark({
  change,
  a,
  b,
  measure,
}: {
  change: keyof typeof changeSigns
  a: number | null
  b: number | null
  measure: Measure
}) {
  const { sign, word, tone } = changeSigns[change]
  return (
    <span class={`cell-change tone-${tone}`} title={word}>
      <span aria-hidden="true">{sign}</span> <span class="unseen">{word}</span>
      {a !== null && b !== null && change !== 'equal' && difference(measure, b - a)}
    </span>
  )
}

/** What a further candidate has, and how that is to the baseline. */
function BesideCell({
  held,
  measure,
}: {
  held: Row['others'][string] | undefined
  measure: Measure
}) {
  // While other candidates are read, the rows are still those of before.
  if (held === undefined)
    return (
      <td role="cell" class="beside">
        …
      </td>
    )
  const { a, b } = held.measures[measure.key] ?? { a: null, b: null }
  const change = changeOf(held, measure)
  return (
    <td role="cell" class={`beside cell-${change}`}>
      <span class="beside-value">
        {b === null ? <Reason side={held.side} /> : amount(measure, b)}
      </span>{' '}
      <ChangeMark {...{ change, a, b, measure }} />
    </td>
  )
}

function Reason({ side }: { side: Side }) {
  return <i class="reason">{reasonOf(side)}</i>
}
