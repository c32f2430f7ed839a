import { keepPreviousData, useQuery } from '@tanstack/preact-query'
import { Link } from 'wouter-preact'
import type { ExperimentSummary, Interval, SummaryAnswer } from '../../api/answers.ts'
import { request } from '../../api/client.ts'
import { Badge } from '../../parts/badge.tsx'
import { compactCount, cost, count, counted, duration, short } from '../../parts/format.ts'
import { MeanBar } from '../../parts/interval-bar.tsx'
import { Time } from '../../parts/time.tsx'
import { compareUrl } from '../../url/addresses.ts'

/** An experiment in which something began so lately still runs, as far as anybody can tell. */
const liveForMs = 60_000

/** @param now by the clock of the server */
export function isLive({ last_activity_at, ended_at }: ExperimentSummary, now: string): boolean {
  return (
    ended_at === null &&
    last_activity_at !== null &&
    Date.parse(now) - Date.parse(last_activity_at) < liveForMs
  )
}

/** More keys than that are in no table that anybody could read. The comparison has all of them. */
const mostKeys = 6

/** All keys of scores, those of the most experiments first, and then by name. */
function keysOf(experiments: readonly ExperimentSummary[]): string[] {
  const counts = new Map<string, number>()
  for (const { scores } of experiments) {
    for (const [key, { avg }] of Object.entries(scores)) {
      if (avg !== null) counts.set(key, (counts.get(key) ?? 0) + 1)
    }
  }
  return [...counts].toSorted(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).map(([key]) => key)
}

/** Experiments, one to a row. Each row reads its own intervals. */
export function ExperimentTable({
  experiments,
  now,
  chosen,
  choose,
  hasOlder,
}: {
  experiments: readonly ExperimentSummary[]
  now: string
  chosen: readonly string[]
  choose: (id: string, isChosen: boolean) => void
  hasOlder: boolean
}) {
  const all = keysOf(experiments)
  const keys = all.slice(0, mostKeys)
  return (
    <>
      <div class="table-frame">
        <table class="table experiments">
          <thead>
            <tr>
              <th scope="col">
                <span class="unseen">Compare</span>
              </th>
              <th scope="col">Experiment</th>
              <th scope="col" class="number">
                Executions
              </th>
              {keys.map((key) => (
                <th scope="col" key={key} class="cut" title={key}>
                  {key}
                </th>
              ))}
              <th scope="col" class="number">
                Latency p50
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
            {experiments.map((experiment, index) => (
              <Row
                key={experiment.id}
                experiment={experiment}
                isLive={isLive(experiment, now)}
                keys={keys}
                isChosen={chosen.includes(experiment.id)}
                choose={choose}
                isOldest={!hasOlder && index === experiments.length - 1}
              />
            ))}
          </tbody>
        </table>
      </div>
      {all.length > keys.length && (
        <p class="note">
          {keys.length} of {all.length} scores are in this table, those of the most experiments. A
          comparison and an experiment show all of them.
        </p>
      )}
    </>
  )
}

function Row({
  experiment,
  isLive,
  keys,
  isChosen,
  choose,
  isOldest,
}: {
  experiment: ExperimentSummary
  isLive: boolean
  keys: readonly string[]
  isChosen: boolean
  choose: (id: string, isChosen: boolean) => void
  isOldest: boolean
}) {
  const { id, name, executions, errors } = experiment
  const summary = useQuery({
    // Read again once something was executed or scored.
    queryKey: ['summary', id, executions, JSON.stringify(experiment.scores)],
    queryFn: async ({ signal }) =>
      request<SummaryAnswer>(`/api/runmill/experiments/${encodeURIComponent(id)}/summary`, {
        signal,
      }),
    staleTime: 300_000,
    placeholderData: keepPreviousData,
  })
  return (
    <tr class={isChosen ? 'chosen' : undefined}>
      <td>
        <input
          type="checkbox"
          aria-label={`Compare ${name}`}
          checked={isChosen}
          onChange={(event) => choose(id, event.currentTarget.checked)}
        />
      </td>
      <th scope="row">
        <span class="name-line">
          {isOldest ? (
            <span>{name}</span>
          ) : (
            <Link href={compareUrl([id])} title="Compare with the experiment before it">
              {name}
            </Link>
          )}
          {isLive && <Badge tone="live">running</Badge>}
        </span>
        {experiment.description !== null && experiment.description !== '' && (
          <span class="note cut">{experiment.description}</span>
        )}
      </th>
      <td class="number">
        {count(executions)}
        {errors > 0 && <span class="note bad">{counted(errors, 'error')}</span>}
        {summary.data !== undefined && summary.data.unfinished > 0 && (
          <span class="note">{count(summary.data.unfinished)} unfinished</span>
        )}
      </td>
      {keys.map((key) => (
        <ScoreCell key={key} name={key} experiment={experiment} summary={summary.data} />
      ))}
      <td class="number">
        {experiment.latency_p50 === null ? <None /> : duration(experiment.latency_p50)}
      </td>
      <td class="number">
        {experiment.tokens === null ? <None /> : compactCount(experiment.tokens)}
      </td>
      <td class="number">{experiment.cost === null ? <None /> : cost(experiment.cost)}</td>
      <td class="soft">
        <Time at={experiment.created_at} />
      </td>
    </tr>
  )
}

function ScoreCell({
  name,
  experiment,
  summary,
}: {
  name: string
  experiment: ExperimentSummary
  summary: SummaryAnswer | undefined
}) {
  const measure = summary?.measures.find(({ key, is_score }) => is_score && key === name)
  const mean = measure?.mean ?? experiment.scores[name]?.avg ?? null
  if (mean === null) {
    return (
      <td>
        <None word="no score" />
      </td>
    )
  }
  const interval = measure?.interval ?? null
  return (
    <td>
      <span class="mean">
        <span class="mean-value">{short(mean)}</span>
        <MeanBar mean={mean} interval={interval} scale={scaleOf(mean, interval)} />
      </span>
      {interval !== null && (
        <span class="note">
          {short(interval[0])} … {short(interval[1])}
        </span>
      )}
    </td>
  )
}

/** Most scores are between 0 and 1; others get a scale that holds what is shown. */
function scaleOf(mean: number, interval: Interval | null): Interval {
  const [low, high] = interval ?? [mean, mean]
  return [Math.min(0, low), Math.max(1, high)]
}

function None({ word = 'none' }: { word?: string }) {
  return <span class="faint">{word}</span>
}
