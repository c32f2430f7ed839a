import { Link } from 'wouter-preact'
import type { Run } from '../../api/run-answers.ts'
import { compactCount, cost, duration } from '../../parts/format.ts'
import { Status } from '../../parts/status.tsx'
import { Time } from '../../parts/time.tsx'
import { traceUrl } from '../../url/addresses.ts'

/** Runs, one to a row. @param fresh those that arrived while the list was shown */
export function RunTable({
  runs,
  names,
  fresh,
  choose,
}: {
  runs: readonly Run[]
  names: Readonly<Record<string, string>>
  fresh: ReadonlySet<string>
  /** Shows the runs of this project alone. */
  choose: (project: string) => void
}) {
  return (
    <div class="table-frame">
      <table class="table runs">
        <thead>
          <tr>
            <th scope="col">Status</th>
            <th scope="col">Name</th>
            <th scope="col">Input</th>
            <th scope="col">Output</th>
            <th scope="col" class="number">
              Latency
            </th>
            <th scope="col" class="number">
              Tokens
            </th>
            <th scope="col" class="number">
              Cost
            </th>
            <th scope="col">Started</th>
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <Row
              key={run.id}
              run={run}
              project={names[run.experiment_id] ?? null}
              isFresh={fresh.has(run.id)}
              choose={choose}
            />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Row({
  run,
  project,
  isFresh,
  choose,
}: {
  run: Run
  project: string | null
  isFresh: boolean
  choose: (project: string) => void
}) {
  const isRoot = run.parent_run_id === null
  return (
    <tr class={isFresh ? 'fresh' : undefined}>
      <td>
        <Status status={run.status} />
        {isFresh && <span class="unseen">new</span>}
      </td>
      <th scope="row">
        <Link href={traceUrl(run.trace_id ?? run.id, isRoot ? null : run.id)}>
          {run.name ?? 'unnamed'}
        </Link>
        <span class="note run-note">
          <span>{run.run_type ?? 'run'}</span>
          {project !== null && (
            <button
              type="button"
              class="link cut"
              title={`Show only ${project}`}
              onClick={() => choose(run.experiment_id)}
            >
              {project}
            </button>
          )}
          {run.tags.slice(0, 3).map((tag) => (
            <span key={tag} class="tag cut">
              {tag}
            </span>
          ))}
        </span>
      </th>
      <td class="preview">
        <Preview text={run.inputs_preview} />
      </td>
      <td class="preview">
        {run.error === null ? (
          <Preview text={run.outputs_preview} />
        ) : (
          <span class="preview-text bad">{run.error}</span>
        )}
      </td>
      <td class="number">{run.latency === null ? <None /> : duration(run.latency)}</td>
      <td class="number">
        {run.tokens === null || run.tokens === 0 ? <None /> : compactCount(run.tokens)}
      </td>
      <td class="number">{run.cost === null ? <None /> : cost(run.cost)}</td>
      <td class="soft">{run.start_time === null ? <None /> : <Time at={run.start_time} />}</td>
    </tr>
  )
}

function Preview({ text }: { text: string | null }) {
  if (text === null || text === '') return <None />
  return <span class="preview-text">{text}</span>
}

function None() {
  return <span class="faint">none</span>
}
