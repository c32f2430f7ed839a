import '../styles/drawer.css'
import { keepPreviousData } from '@tanstack/preact-query'
import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { Link } from 'wouter-preact'
import type { ExampleAnswer, NamedExperiment } from '../api/answers.ts'
import { request } from '../api/client.ts'
import { runsOfUrl } from '../url/addresses.ts'
import { count } from './format.ts'

/** The query of what an experiment made of an example. */
export function exampleQuery(experimentId: string, id: string) {
  return {
    queryKey: ['example', experimentId, id],
    queryFn: async ({ signal }: { signal: AbortSignal }) =>
      request<ExampleAnswer>(
        `/api/runmill/experiments/${encodeURIComponent(experimentId)}/examples/${encodeURIComponent(id)}`,
        { signal },
      ),
    // The example before stays until this one has come, so that nothing flickers.
    placeholderData: keepPreviousData,
    staleTime: 60_000,
  }
}

/** Says that an example has more executions than are shown, and where the others are. */
export function MoreExecutions({
  shown,
  experiment: { id, name },
}: {
  shown: number
  experiment: Pick<NamedExperiment, 'id' | 'name'>
}) {
  return (
    <p class="cut-note">
      {name} executed this example more often: {count(shown)} executions are shown, because there
      are so many, or because they are large. <Link href={runsOfUrl(id)}>All of its runs</Link>
    </p>
  )
}

/** A drawer about one example of a list, from which one goes to those beside it. */
export function ExampleDrawer({
  id,
  place,
  hasPrevious,
  isBusy,
  copy,
  move,
  close,
  children,
}: {
  id: string
  /** Its index among the rows; null when it is none of those that were read. */
  place: number | null
  hasPrevious: boolean
  isBusy: boolean
  /** What copies the link or the id. */
  copy: ComponentChildren
  move: (by: 1 | -1) => void
  close: () => void
  children: ComponentChildren
}) {
  const panel = useRef<HTMLDivElement>(null)
  useEffect(() => panel.current?.focus({ preventScroll: true }), [])
  useEffect(() => panel.current?.scrollTo(0, 0), [id])
  return (
    <div
      class="drawer"
      ref={panel}
      role="dialog"
      aria-labelledby="drawer-title"
      tabIndex={-1}
      aria-busy={isBusy}
    >
      <header class="drawer-head">
        <h2 id="drawer-title">Example{place === null ? '' : ` ${place + 1}`}</h2>
        <code class="cut faint">{id}</code>
        <span class="drawer-actions">
          {copy}
          <button
            type="button"
            aria-label="Previous example (K)"
            onClick={() => move(-1)}
            disabled={!hasPrevious}
          >
            ↑
          </button>
          <button
            type="button"
            aria-label="Next example (J)"
            onClick={() => move(1)}
            disabled={place === null}
          >
            ↓
          </button>
          <button type="button" aria-label="Close (Esc)" onClick={close}>
            ×
          </button>
        </span>
      </header>
      {children}
    </div>
  )
}
