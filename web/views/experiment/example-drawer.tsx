import { useQuery } from '@tanstack/preact-query'
import { useState } from 'preact/hooks'
import { Link } from 'wouter-preact'
import type { ExampleAnswer, Execution, NamedExperiment } from '../../api/answers.ts'
import { CopyButton } from '../../parts/copy-button.tsx'
import { ExampleDrawer, exampleQuery, MoreExecutions } from '../../parts/example-drawer.tsx'
import { compactCount, cost, duration } from '../../parts/format.ts'
import { Loading } from '../../parts/loading.tsx'
import { Problem } from '../../parts/problem.tsx'
import { Status } from '../../parts/status.tsx'
import { Field } from '../../parts/viewer/field.tsx'
import { traceUrl } from '../../url/addresses.ts'
import { Scores } from '../traces/scores.tsx'

/** One example, with all that an experiment made of it. */
export default function ExperimentExample({
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
  const read = useQuery(exampleQuery(experiment.id, id))
  return (
    <ExampleDrawer
      id={id}
      place={place}
      hasPrevious={place !== null && place !== 0}
      isBusy={read.isPlaceholderData}
      copy={<CopyButton text={() => id} label="Copy id" />}
      move={move}
      close={close}
    >
      {read.isPending && <Loading />}
      {read.isError && <Problem error={read.error} again={() => void read.refetch()} />}
      {read.data !== undefined && <Body key={id} answer={read.data} experiment={experiment} />}
    </ExampleDrawer>
  )
}

function Body({
  answer: { example, executions, has_more_executions },
  experiment,
}: {
  answer: ExampleAnswer
  experiment: NamedExperiment
}) {
  const dataset = experiment.dataset_id
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
      {has_more_executions && <MoreExecutions shown={executions.length} experiment={experiment} />}
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
