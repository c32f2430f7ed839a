import { useEffect, useRef } from 'preact/hooks'
import type { Run, RunScore } from '../../api/run-answers.ts'
import { compactCount, cost, duration } from '../../parts/format.ts'
import { Status } from '../../parts/status.tsx'
import { useVisibleRows } from '../../parts/virtual-rows.ts'
import { type Line, placeOf, type Span, ticksOf } from './tree.ts'

export const lineHeight = 34
const headHeight = 26

/** The runs of a trace as a tree, each with its place in time. Arrow keys move in it. */
export function Timeline({
  lines,
  span,
  now,
  scores,
  selected,
  closed,
  select,
  toggle,
}: {
  lines: readonly Line[]
  span: Span
  now: number
  scores: readonly RunScore[]
  selected: string | null
  closed: ReadonlySet<string>
  select: (id: string) => void
  toggle: (id: string) => void
}) {
  const scroller = useRef<HTMLDivElement>(null)
  const { first, last } = useVisibleRows(scroller, lines.length, lineHeight, headHeight)
  const at = lines.findIndex(({ run }) => run.id === selected)
  const moved = useRef(false)
  useEffect(() => {
    const element = scroller.current
    if (element === null || at < 0) return
    const top = at * lineHeight
    if (top < element.scrollTop) element.scrollTop = top
    else if (top + lineHeight + headHeight > element.scrollTop + element.clientHeight)
      element.scrollTop = top + lineHeight + headHeight - element.clientHeight
    if (!moved.current) return
    moved.current = false
    // After the rows that are seen now are there.
    requestAnimationFrame(() =>
      element.querySelector<HTMLElement>('[aria-selected="true"]')?.focus({ preventScroll: true }),
    )
  }, [at])

  const go = (index: number) => {
    const line = lines[Math.min(lines.length - 1, Math.max(0, index))]
    if (line === undefined) return
    moved.current = true
    select(line.run.id)
  }
  const onKey = (event: KeyboardEvent) => {
    const line = lines[at]
    if (line === undefined || event.altKey || event.ctrlKey || event.metaKey) return
    const isClosed = closed.has(line.run.id)
    const actions: Record<string, () => void> = {
      ArrowDown: () => go(at + 1),
      ArrowUp: () => go(at - 1),
      j: () => go(at + 1),
      k: () => go(at - 1),
      Home: () => go(0),
      End: () => go(lines.length - 1),
      ArrowRight: () => {
        if (line.hasChildren && isClosed) toggle(line.run.id)
        else if (line.hasChildren) go(at + 1)
      },
      ArrowLeft: () => {
        if (line.hasChildren && !isClosed) toggle(line.run.id)
        else go(lines.findLastIndex((each, i) => i < at && each.depth < line.depth))
      },
    }
    const act = actions[event.key]
    if (act === undefined) return
    event.preventDefault()
    act()
  }
  const scored = new Map<string, number>()
  for (const { run_id } of scores) {
    if (run_id !== null) scored.set(run_id, (scored.get(run_id) ?? 0) + 1)
  }

  return (
    <div class="timeline" ref={scroller}>
      <div class="timeline-head" aria-hidden="true">
        <span>Run</span>
        <span class="axis">
          {ticksOf(span).map((seconds) => (
            <span
              key={seconds}
              class="tick"
              style={{ left: `${(seconds * 100_000) / (span.to - span.from)}%` }}
            >
              {seconds === 0 ? '0' : duration(seconds)}
            </span>
          ))}
        </span>
        <span class="number">Took</span>
      </div>
      {/* oxlint-disable-next-line -- the keys of a tree belong to the tree */}
      <div
        role="tree"
        aria-label="Runs of the trace"
        class="lines"
        style={{ height: `${lines.length * lineHeight}px` }}
        onKeyDown={onKey}
      >
        {lines.slice(first, last).map((line, i) => (
          <Row
            key={line.run.id}
            line={line}
            index={first + i}
            total={lines.length}
            place={placeOf(line.run, span, now)}
            scores={scored.get(line.run.id) ?? 0}
            isSelected={line.run.id === selected}
            isClosed={closed.has(line.run.id)}
            select={select}
            toggle={toggle}
          />
        ))}
      </div>
    </div>
  )
}

function Row({
  line: { run, depth, hasChildren, below },
  index,
  total,
  place: { left, width },
  scores,
  isSelected,
  isClosed,
  select,
  toggle,
}: {
  line: Line
  index: number
  total: number
  place: { left: number; width: number }
  scores: number
  isSelected: boolean
  isClosed: boolean
  select: (id: string) => void
  toggle: (id: string) => void
}) {
  return (
    <div
      role="treeitem"
      aria-level={depth + 1}
      aria-posinset={index + 1}
      aria-setsize={total}
      aria-selected={isSelected}
      {...(hasChildren ? { 'aria-expanded': !isClosed } : {})}
      tabIndex={isSelected ? 0 : -1}
      class="line"
      style={{ top: `${index * lineHeight}px` }}
      onClick={() => select(run.id)}
    >
      <span class="line-name" style={{ paddingLeft: `${Math.min(depth, 12) * 14}px` }}>
        {hasChildren ? (
          <span
            class="line-toggle"
            aria-hidden="true"
            onClick={(event) => {
              event.stopPropagation()
              toggle(run.id)
            }}
          >
            {isClosed ? '▸' : '▾'}
          </span>
        ) : (
          <span class="line-toggle" aria-hidden="true" />
        )}
        <Status status={run.status} isShort />
        <span class="cut line-title">{run.name ?? 'unnamed'}</span>
        <span class="faint line-type">{run.run_type ?? ''}</span>
        {isClosed && below > 0 && <span class="faint">+{below}</span>}
        {scores > 0 && (
          <span class="line-scores" title={`${scores} scores`}>
            <span aria-hidden="true">★</span>
            {scores}
            <span class="unseen"> scores</span>
          </span>
        )}
      </span>
      <span class="axis" aria-hidden="true">
        <span
          class={`span span-${kindOf(run)}`}
          style={{ left: `${left * 100}%`, width: `${width * 100}%` }}
        />
      </span>
      <span class="number line-took">
        {run.latency === null ? (
          <span class="faint">{run.status === 'pending' ? 'runs' : ''}</span>
        ) : (
          duration(run.latency)
        )}
        <span class="note">
          {run.tokens !== null && run.tokens > 0 ? `${compactCount(run.tokens)} tok` : ''}
          {run.cost !== null && run.cost > 0 && <span class="line-cost"> {cost(run.cost)}</span>}
        </span>
      </span>
    </div>
  )
}

function kindOf({ status, run_type }: Run): string {
  if (status === 'error') return 'error'
  if (status === 'pending') return 'pending'
  return run_type === 'llm' || run_type === 'embedding'
    ? 'model'
    : run_type === 'tool' || run_type === 'retriever'
      ? 'tool'
      : 'other'
}
