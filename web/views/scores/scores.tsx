import '../../styles/views.css'
import './scores.css'
import { useQueries, useQuery } from '@tanstack/preact-query'
import { Link } from 'wouter-preact'
import type {
  DatasetsAnswer,
  ExperimentsAnswer,
  ExperimentSummary,
  SummaryAnswer,
} from '../../api/answers.ts'
import { query, request } from '../../api/client.ts'
import { Empty, Snippet } from '../../parts/empty.tsx'
import { compactCount, cost, duration, short } from '../../parts/format.ts'
import { Loading } from '../../parts/loading.tsx'
import { usePages } from '../../parts/pages.ts'
import { Problem } from '../../parts/problem.tsx'
import { Time } from '../../parts/time.tsx'
import { Head } from '../../shell/head.tsx'
import { datasetsUrl, datasetUrl, experimentUrl } from '../../url/addresses.ts'
import { put, useSearchState } from '../../url/search.ts'
import { HistoryPlot, type Point } from './history-plot.tsx'
import { TableFrame } from '../../parts/table-frame.tsx'

/** Of a dataset, so many experiments are plotted, the newest ones. */
const plotted = 40

const amounts: Readonly<Record<string, { title: string; write: (value: number) => string }>> = {
  latency: { title: 'latency', write: duration },
  tokens: { title: 'tokens', write: (value) => compactCount(Math.round(value)) },
  cost: { title: 'cost of an example', write: cost },
}

/** The scores of a dataset's experiments over time, each with its interval. */
export default function Scores() {
  const [parameters, update] = useSearchState()
  const datasets = usePages<DatasetsAnswer>(
    ['datasets-to-choose'],
    (cursor) => `/api/runmill/datasets${query({ cursor, limit: 100 })}`,
  )
  const choices = datasets.data?.pages.flatMap((page) => page.datasets) ?? []
  const first = choices.find(({ experiments }) => experiments > 0) ?? choices[0]
  const chosen = parameters.get('dataset') ?? first?.id ?? null
  return (
    <>
      <Head title="Scores">
        {datasets.hasNextPage && (
          <button
            type="button"
            disabled={datasets.isFetchingNextPage}
            onClick={() => void datasets.fetchNextPage()}
          >
            Load more datasets
          </button>
        )}
        {choices.length > 0 && (
          <label class="check">
            <span class="soft">Dataset</span>
            <select
              value={chosen ?? ''}
              onChange={(event) => {
                const { value } = event.currentTarget
                update((next) => put(next, 'dataset', value))
              }}
            >
              {!choices.some(({ id }) => id === chosen) && chosen !== null && (
                <option value={chosen}>another one</option>
              )}
              {choices.map(({ id, name, experiments }) => (
                <option key={id} value={id}>
                  {name} ({experiments})
                </option>
              ))}
            </select>
          </label>
        )}
      </Head>
      {datasets.isPending && <Loading />}
      {datasets.isError && <Problem error={datasets.error} again={() => void datasets.refetch()} />}
      {datasets.isSuccess && chosen === null && (
        <Empty title="There is no dataset yet">
          <p>
            Scores are plotted over the experiments of a dataset.{' '}
            <Link href={datasetsUrl()}>Datasets</Link> says how to make one.
          </p>
        </Empty>
      )}
      {chosen !== null && <History key={chosen} dataset={chosen} />}
    </>
  )
}

function History({ dataset }: { dataset: string }) {
  const read = useQuery({
    queryKey: ['history', dataset],
    queryFn: async ({ signal }) =>
      request<ExperimentsAnswer>(
        `/api/runmill/datasets/${encodeURIComponent(dataset)}/experiments?limit=${plotted}`,
        { signal },
      ),
  })
  const experiments = (read.data?.experiments ?? []).toReversed()
  const summaries = useQueries({
    queries: experiments.map(({ id, executions, scores }) => ({
      queryKey: ['summary', id, executions, JSON.stringify(scores)],
      queryFn: async ({ signal }: { signal: AbortSignal }) =>
        request<SummaryAnswer>(`/api/runmill/experiments/${encodeURIComponent(id)}/summary`, {
          signal,
        }),
      staleTime: 300_000,
    })),
  })
  if (read.isPending) return <Loading />
  if (read.isError) return <Problem error={read.error} again={() => void read.refetch()} />
  const held = summaries.map(({ data }) => data)
  const keys = keysOf(experiments, held)
  const hasScores = keys.some(({ isScore }) => isScore)
  if (experiments.length === 0) return <NoExperiments name={read.data.dataset.name} />
  return (
    <>
      {!hasScores && <NoScores />}
      <div class="histories">
        {keys.map(({ key, isScore }) => (
          <HistoryPlot
            key={key}
            name={isScore ? key : (amounts[key]?.title ?? key)}
            points={pointsOf(key, isScore, experiments, held)}
            {...(isScore ? {} : { write: amounts[key]?.write ?? short })}
          />
        ))}
      </div>
      <details class="block">
        <summary>The same as a table</summary>
        <Table experiments={experiments} keys={keys} held={held} />
      </details>
      <p class="note block">
        {read.data.next_cursor === null ? 'All' : 'The newest'} {experiments.length} experiments of{' '}
        <Link href={datasetUrl(dataset)}>{read.data.dataset.name}</Link>. Means are over examples,
        repetitions averaged within each; bars are 95 % intervals. Two intervals that overlap may
        still differ: <Link href={datasetUrl(dataset)}>compare</Link> the experiments, which pairs
        their examples.
      </p>
    </>
  )
}

interface Key {
  key: string
  isScore: boolean
}

/** Scores first. What an experiment took is plotted too. */
function keysOf(
  experiments: readonly ExperimentSummary[],
  held: readonly (SummaryAnswer | undefined)[],
): Key[] {
  const scores = new Set(
    experiments.flatMap(({ scores }) =>
      Object.entries(scores)
        .filter(([, { avg }]) => avg !== null)
        .map(([key]) => key),
    ),
  )
  const others = Object.keys(amounts).filter((key) =>
    held.some((each) => each?.measures.some((measure) => measure.key === key && !measure.is_score)),
  )
  return [
    ...[...scores].toSorted().map((key) => ({ key, isScore: true })),
    ...others.map((key) => ({ key, isScore: false })),
  ]
}

function pointsOf(
  key: string,
  isScore: boolean,
  experiments: readonly ExperimentSummary[],
  held: readonly (SummaryAnswer | undefined)[],
): Point[] {
  return experiments.flatMap((experiment, i) => {
    const measure = held[i]?.measures.find((each) => each.key === key && each.is_score === isScore)
    // Until its interval is read, a score has its average over executions.
    const mean = measure?.mean ?? (isScore ? (experiment.scores[key]?.avg ?? null) : null)
    if (mean === null) return []
    const { id, name, created_at: at } = experiment
    return [
      { id, name, at, mean, interval: measure?.interval ?? null, n: measure?.examples ?? null },
    ]
  })
}

function Table({
  experiments,
  keys,
  held,
}: {
  experiments: readonly ExperimentSummary[]
  keys: readonly Key[]
  held: readonly (SummaryAnswer | undefined)[]
}) {
  return (
    <TableFrame label="Scores by experiment">
      <table class="table">
        <thead>
          <tr>
            <th scope="col">Experiment</th>
            {keys.map(({ key }) => (
              <th scope="col" key={key} class="number">
                {key}
              </th>
            ))}
            <th scope="col">Started</th>
          </tr>
        </thead>
        <tbody>
          {experiments.toReversed().map((experiment) => {
            const at = experiments.indexOf(experiment)
            return (
              <tr key={experiment.id}>
                <th scope="row">
                  <Link href={experimentUrl(experiment.id)}>{experiment.name}</Link>
                </th>
                {keys.map(({ key, isScore }) => {
                  const [point] = pointsOf(key, isScore, [experiment], [held[at]])
                  const write = isScore ? short : (amounts[key]?.write ?? short)
                  return (
                    <td key={key} class="number">
                      {point === undefined ? <span class="faint">none</span> : write(point.mean)}
                      {point?.interval != null && (
                        <span class="note">
                          {write(point.interval[0])} … {write(point.interval[1])}
                        </span>
                      )}
                    </td>
                  )
                })}
                <td class="soft">
                  <Time at={experiment.created_at} />
                </td>
              </tr>
            )
          })}
        </tbody>
      </table>
    </TableFrame>
  )
}

function NoExperiments({ name }: { name: string }) {
  return (
    <Empty title={`No experiment has run on ${name}`}>
      <p>Run one with the SDK that you use, and its scores appear here:</p>
      <Snippet>{`evaluate(target, data=${JSON.stringify(name)}, evaluators=[…])`}</Snippet>
    </Empty>
  )
}

function NoScores() {
  return (
    <Empty title="These experiments have no scores">
      <p>
        Give <code>evaluate</code> an evaluator, or send scores of your own, and they are plotted
        here beside what the experiments took.
      </p>
    </Empty>
  )
}
