import { Fragment } from 'preact'
import { memo } from 'preact/compat'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import type { Comparison, Measure } from '../../api/answers.ts'
import { count, counted, difference } from '../../parts/format.ts'
import { useVisibleRows } from '../../parts/virtual-rows.ts'
import { MeasureHead } from './measure-head.tsx'
import type { Row } from './read.ts'
import { ComparisonRow } from './row.tsx'
import { changes, type ComparisonState } from './state.ts'
import { changeSigns, verdictTones } from './tone.ts'

/** As in comparison.css. */
const rowHeight = 36
const headHeight = 124

/** So many rows before the end of what was read, the next page is asked for. */
const ahead = 60

/**
 * The examples of a comparison. Only the rows that are seen are in the document, each at its own place, so that a row
 * that comes or goes moves no other; pages are read as they come into reach. The roles of a table are given, because with
 * this layout browsers see none.
 */
export function Rows({
  rows,
  total,
  hasMore,
  more,
  measures,
  beside,
  active,
  open,
  state,
  set,
}: {
  rows: readonly Row[]
  /** How many there are in all; null where that is not known. */
  total: number | null
  hasMore: boolean
  more: () => void
  measures: readonly Measure[]
  /** Further candidates, whose values stand beside those of the first. */
  beside: readonly Comparison[]
  active: number
  open: (index: number) => void
  state: ComparisonState
  set: (change: Partial<ComparisonState>) => void
}) {
  const scroller = useRef<HTMLDivElement>(null)
  const { first, last } = useVisibleRows(scroller, rows.length, rowHeight, headHeight)

  useEffect(() => {
    if (hasMore && last + ahead > rows.length) more()
  }, [hasMore, last, rows.length, more])

  // Other rows, or another order, begin at the top.
  const chosen = JSON.stringify([state.sort, state.change, state.search])
  useLayoutEffect(() => {
    if (scroller.current !== null) scroller.current.scrollTop = 0
  }, [chosen])

  // The active row stays in sight, below the head.
  useEffect(() => {
    const element = scroller.current
    if (element === null || active < 0) return
    const top = active * rowHeight
    const seen = element.clientHeight - headHeight - rowHeight
    if (top < element.scrollTop) element.scrollTop = top
    else if (top > element.scrollTop + seen) element.scrollTop = top - seen
  }, [active])

  return (
    <>
      <div class="rows" ref={scroller} tabIndex={0} role="region" aria-label="Examples">
        <table
          role="table"
          aria-rowcount={total === null ? -1 : total + 1}
          style={{
            '--measures': measures
              .map((measure) => [widthOf(measure), ...beside.map(() => besideWidth)].join(' '))
              .join(' '),
          }}
        >
          <TableHead measures={measures} beside={beside} state={state} set={set} />
          <tbody role="rowgroup" style={{ height: `${rows.length * rowHeight}px` }}>
            {rows.slice(first, last).map((row, offset) => (
              <ComparisonRow
                key={row.id}
                row={row}
                index={first + offset}
                top={(first + offset) * rowHeight}
                measures={measures}
                beside={beside}
                isActive={first + offset === Math.max(active, 0)}
                isOpen={row.id === state.open}
                open={open}
              />
            ))}
          </tbody>
        </table>
      </div>
      <p class="rows-end soft">
        {total === null || total === rows.length
          ? `${counted(rows.length, 'example')}${hasMore ? ', more below' : ''}`
          : `${count(rows.length)} of ${counted(total, 'example')} read, more as you scroll`}
        <span class="keys">
          <kbd>J</kbd> <kbd>K</kbd> next and previous, <kbd>Enter</kbd> open, <kbd>Esc</kbd> close,{' '}
          <kbd>/</kbd> find
        </span>
      </p>
    </>
  )
}

/** Apart from the rows, so that scrolling does not make it anew. */
const TableHead = memo(function TableHead({
  measures,
  beside,
  state,
  set,
}: {
  measures: readonly Measure[]
  beside: readonly Comparison[]
  state: ComparisonState
  set: (change: Partial<ComparisonState>) => void
}) {
  return (
    <thead role="rowgroup">
      <tr role="row" class="head-row" aria-rowindex={1}>
        <th role="columnheader" scope="col" class="example">
          <span class="legend">
            {changes.map((change) => {
              const { sign, word, tone } = changeSigns[change]
              return (
                <span key={change}>
                  <b class={`tone-${tone}`}>{sign}</b> {word}
                </span>
              )
            })}
          </span>
          Example
        </th>
        <th role="columnheader" scope="col" class="ends">
          <span>Baseline</span>
          <span>Candidate</span>
        </th>
        {measures.map((measure) => (
          <Fragment key={measure.key}>
            <th role="columnheader" scope="col">
              <MeasureHead measure={measure} state={state} set={set} />
            </th>
            {beside.map((comparison) => (
              <th role="columnheader" scope="col" class="beside" key={comparison.candidate.id}>
                <BesideHead comparison={comparison} name={measure.key} />
              </th>
            ))}
          </Fragment>
        ))}
      </tr>
    </thead>
  )
})

/** What a further candidate has of a measure. */
function BesideHead({
  comparison: { candidate, measures },
  name,
}: {
  comparison: Comparison
  name: string
}) {
  const measure = measures.find(({ key }) => key === name)
  return (
    <>
      <span class="unseen">{name}: </span>
      <span class="beside-name" title={candidate.name}>
        {candidate.name}
      </span>
      {measure === undefined || measure.delta === null ? (
        <span class="faint">no pairs</span>
      ) : (
        <span class={`tone-${verdictTones[measure.verdict]}`}>
          <b>{difference(measure, measure.delta)}</b> {measure.verdict}
        </span>
      )}
    </>
  )
}

const besideWidth = '132px'

function widthOf({ key, is_score }: Measure): string {
  if (is_score) return '196px'
  return key === 'cost' ? '280px' : '216px'
}
