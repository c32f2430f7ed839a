import '../../styles/drawer.css'
import { keepPreviousData, useQuery } from '@tanstack/preact-query'
import { useEffect, useRef, useState } from 'preact/hooks'
import { Link } from 'wouter-preact'
import type { ExampleAnswer, Execution, NamedExperiment } from '../../api/answers.ts'
import { request } from '../../api/client.ts'
import { CopyButton } from '../../parts/copy-button.tsx'
import { compactCount, cost, duration } from '../../parts/format.ts'
import { Loading } from '../../parts/loading.tsx'
import { Problem } from '../../parts/problem.tsx'
import { Status } from '../../parts/status.tsx'
import { Field } from '../../parts/viewer/field.tsx'
import { traceUrl } from '../../url/addresses.ts'
import { Scores } from '../traces/scores.tsx'

/** One example, with all that an experiment made of it. */
export default function ExampleDrawer({
  id,
  place,
  experiment,
  move,
  close,
}: {
  id: string
  /** Its index among the rows; null when it is none of those that were read. */
  place: number | null
  experiment: NamedExperiment
  move: (by: 1 | -1) => void
  close: () => void
}) {
  const panel = useRef<HTMLDivElement>(null)
  useEffect(() => panel.current?.focus({ preventScroll: true }), [])
  useEffect(() => panel.current?.scrollTo(0, 0), [id])
  const read = useQuery({
    queryKey: ['example', experiment.id, id],
    queryFn: async ({ signal }) =>
      request<ExampleAnswer>(
        `/api/runmill/experiments/${encodeURIComponent(experiment.id)}/examples/${encodeURIComponent(id)}`,
        { signal },
      ),
    placeholderData: keepPreviousData,
    staleTime: 60_000,
  })
  return (
    <div
      class="drawer"
      ref={panel}
      role="dialog"
      aria-labelledby="drawer-title"
      aria-busy={read.isPlaceholderData}
      tabIndex={-1}
    >
      <header class="drawer-head">
        <h2 id="drawer-title">Example{place === null ? '' : ` ${place + 1}`}</h2>
        <code class="cut faint">{id}</code>
        <span class="drawer-actions">
          <CopyButton text={() => id} label="Copy id" />
          <button
            type="button"
            aria-label="Previous example (K)"
            onClick={() => move(-1)}
            disabled={place === null || place === 0}
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
      {read.isPending && <Loading />}
      {read.isError && <Problem error={read.error} again={() => void read.refetch()} />}
      {read.data !== undefined && (
        <Body key={id} answer={read.data} dataset={experiment.dataset_id} />
      )}
    </div>
  )
}

function Body({
  answer: { example, executions },
  dataset,
}: {
  answer: ExampleAnswer
  dataset: string
}) {
  const [at, setAt] = useState(0)
  const execution = executions[at] ?? executions[0]
  return (
    <div class="drawer-body">
      <Field name="Input" place={`${dataset}/input`} value={example.inputs} />
      <Field name="Reference" place={`${dataset}/reference`} value={example.reference} />
      {executions.length > 1 && (
        <div class="segments" role="group" aria-label="Repetition">
          {executions.map((each, index) => (
            <button
              key={each.id}
              type="button"
              aria-pressed={index === at}
              aria-label={`Repetition ${index + 1}`}
              onClick={() => setAt(index)}
            >
              {index + 1}
            </button>
          ))}
        </div>
      )}
      {execution === undefined ? (
        <p class="nothing">This experiment has not executed the example.</p>
      ) : (
        <Made execution={execution} dataset={dataset} />
      )}
    </div>
  )
}

function Made({ execution, dataset }: { execution: Execution; dataset: string }) {
  const { status, latency, tokens, cost: price, trace_id: trace, run_id: run } = execution
  return (
    <>
      <p class="facts">
        <Status status={status} />
        {latency !== null && <span>{duration(latency)}</span>}
        {tokens !== null && tokens > 0 && <span>{compactCount(tokens)} tokens</span>}
        {price !== null && price > 0 && <span>{cost(price)}</span>}
        {trace !== null && <Link href={traceUrl(trace, run)}>Open the trace</Link>}
      </p>
      {execution.error !== null && (
        <Field name="Error" place={`${dataset}/error`} value={execution.error} tone="bad" />
      )}
      <Field name="Output" place={`${dataset}/output`} value={execution.outputs} />
      <Scores
        scores={execution.scores.map((score) => ({
          ...score,
          run_id: run,
          correction: null,
          created_at: null,
        }))}
      />
    </>
  )
}
