import { useQueries } from '@tanstack/preact-query'
import { useState } from 'preact/hooks'
import type { Measure, NamedExperiment } from '../../api/answers.ts'
import { CopyButton } from '../../parts/copy-button.tsx'
import { ExampleDrawer, exampleQuery, MoreExecutions } from '../../parts/example-drawer.tsx'
import { Loading } from '../../parts/loading.tsx'
import { Problem } from '../../parts/problem.tsx'
import { Field } from '../../parts/viewer/field.tsx'
import { Outputs } from './outputs.tsx'
import type { Row } from './read.ts'
import { linkTo } from './state.ts'
import { ScoreTable } from './score-table.tsx'

/** One example, with all that both sides made of it. */
export default function Drawer({
  id,
  place,
  baseline,
  candidate,
  measures,
  row,
  move,
  close,
}: {
  id: string
  /** Its index among the rows; null when it is none of those that were read. */
  place: number | null
  baseline: NamedExperiment
  candidate: NamedExperiment
  measures: readonly Measure[]
  row: Row | undefined
  move: (by: 1 | -1) => void
  close: () => void
}) {
  const [baselineRead, candidateRead] = useQueries({
    queries: [baseline, candidate].map((experiment) => exampleQuery(experiment.id, id)),
  })
  const [chosen, setChosen] = useState({ id, baseline: 0, candidate: 0 })
  const at = chosen.id === id ? chosen : { id, baseline: 0, candidate: 0 }
  const a = baselineRead?.data
  const b = candidateRead?.data
  const failed = [baselineRead, candidateRead].find((each) => each?.isError)
  return (
    <ExampleDrawer
      id={id}
      place={place}
      hasPrevious={place !== null}
      isBusy={baselineRead?.isPlaceholderData === true || candidateRead?.isPlaceholderData === true}
      copy={<CopyButton label="Copy link" text={() => linkTo(baseline.id)} />}
      move={move}
      close={close}
    >
      {failed !== undefined && <Problem error={failed.error} again={() => void failed.refetch()} />}
      {(a === undefined || b === undefined) && failed === undefined && <Loading />}
      {a !== undefined && b !== undefined && (
        <div class="drawer-body">
          <Field name="Input" place={`${candidate.dataset_id}/input`} value={b.example.inputs} />
          <Field
            name="Reference"
            place={`${candidate.dataset_id}/reference`}
            value={b.example.reference}
          />
          <Outputs
            place={`${candidate.dataset_id}/output`}
            sides={[
              { name: baseline.name, role: 'Baseline', executions: a.executions, at: at.baseline },
              {
                name: candidate.name,
                role: 'Candidate',
                executions: b.executions,
                at: at.candidate,
              },
            ]}
            choose={(side, index) =>
              setChosen({ ...at, [side === 0 ? 'baseline' : 'candidate']: index })
            }
          />
          {a.has_more_executions && (
            <MoreExecutions shown={a.executions.length} experiment={baseline} />
          )}
          {b.has_more_executions && (
            <MoreExecutions shown={b.executions.length} experiment={candidate} />
          )}
          <ScoreTable
            measures={measures}
            row={row}
            baseline={a.executions}
            candidate={b.executions}
          />
        </div>
      )}
    </ExampleDrawer>
  )
}
