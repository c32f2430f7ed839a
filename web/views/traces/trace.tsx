import '../../styles/views.css'
import '../../styles/drawer.css'
import './trace.css'
import { useQuery } from '@tanstack/preact-query'
import { useMemo, useState } from 'preact/hooks'
import { Link } from 'wouter-preact'
import { request } from '../../api/client.ts'
import type { Run, TraceAnswer } from '../../api/run-answers.ts'
import { Badge } from '../../parts/badge.tsx'
import { CopyButton } from '../../parts/copy-button.tsx'
import { compactCount, cost, count, counted, duration, exactTime } from '../../parts/format.ts'
import { Loading } from '../../parts/loading.tsx'
import { Problem } from '../../parts/problem.tsx'
import { Head } from '../../shell/head.tsx'
import { experimentUrl, runsOfTraceUrl, runsOfUrl } from '../../url/addresses.ts'
import { put, useSearchState } from '../../url/search.ts'
import { RunDetails, WholePayload } from './run-details.tsx'
import { Timeline } from './timeline.tsx'
import { linesOf, spanOf } from './tree.ts'

/** How often a trace is read again while one of its runs is under way, in milliseconds. */
const liveMs = 2000
/** A run that is unfinished for longer is not waited for, in milliseconds. */
const givenUpMs = 600_000

/** One trace: its runs in time, and one of them in full. */
export default function Trace({ params }: { params: { trace?: string } }) {
  const id = params.trace ?? ''
  const read = useQuery({
    queryKey: ['trace', id],
    queryFn: async ({ signal }) =>
      request<TraceAnswer>(`/api/runmill/traces/${encodeURIComponent(id)}`, { signal }),
    refetchInterval: ({ state }) => (state.data?.runs.some(isUnderWay) === true ? liveMs : false),
  })
  if (read.isPending) return <Loading />
  if (read.isError) {
    return (
      <>
        <Head title="Trace" crumbs={[{ label: 'Runs', href: '/app/runs' }]} />
        <Problem error={read.error} again={() => void read.refetch()} />
      </>
    )
  }
  return <Shown trace={read.data} id={id} />
}

function isUnderWay({ status, start_time }: Run): boolean {
  return (
    status === 'pending' && start_time !== null && Date.now() - Date.parse(start_time) < givenUpMs
  )
}

/** @param id as the address has it: of the trace, or of one of its runs */
function Shown({ trace, id }: { trace: TraceAnswer; id: string }) {
  const [parameters, update] = useSearchState()
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set())
  const { runs } = trace
  const lines = useMemo(() => linesOf(runs, closed), [runs, closed])
  const now = Date.now()
  const span = useMemo(() => spanOf(runs, now), [runs])
  const asked = parameters.get('run') ?? id
  const selected = runs.find((run) => run.id === asked) ?? lines[0]?.run ?? null
  const toggle = (run: string) =>
    setClosed((held) => {
      const next = new Set(held)
      if (!next.delete(run)) next.add(run)
      return next
    })
  const root = runs.find(({ parent_run_id }) => parent_run_id === null) ?? runs[0]
  return (
    <>
      <Head
        title={trace.name ?? root?.name ?? 'Trace'}
        crumbs={
          trace.experiment === null
            ? [{ label: 'Runs', href: '/app/runs' }]
            : [
                { label: 'Runs', href: '/app/runs' },
                {
                  label: trace.experiment.name,
                  href:
                    trace.experiment.dataset_id === null
                      ? runsOfUrl(trace.experiment.id)
                      : experimentUrl(trace.experiment.id),
                },
              ]
        }
      >
        <CopyButton text={() => location.href} label="Copy link" />
      </Head>
      <Summary trace={trace} root={root} />
      {trace.has_more_runs && (
        <p class="cut-note">
          This trace is longer: its first {count(runs.length)} runs are shown, and tokens, errors
          and scores are theirs.{' '}
          <Link href={runsOfTraceUrl(trace.id)}>All of its runs, page by page</Link>
        </p>
      )}
      {trace.has_more_scores && (
        <p class="cut-note">
          Only {count(trace.scores.length)} scores are counted in the tree. Each run shows its own.
        </p>
      )}
      {lines.length === 0 ? (
        <div class="details">
          <p class="soft">No run of this trace has arrived. What the trace itself was given:</p>
          <WholePayload trace={trace.id} />
        </div>
      ) : (
        <div class="trace">
          <Timeline
            lines={lines}
            span={span}
            now={now}
            scores={trace.scores}
            selected={selected?.id ?? null}
            closed={closed}
            select={(run) => update((next) => put(next, 'run', run))}
            toggle={toggle}
          />
          {selected !== null && (
            <section class="trace-details" aria-label="Run" key={selected.id}>
              <RunDetails id={selected.id} trace={trace.id} isLive={isUnderWay(selected)} />
            </section>
          )}
        </div>
      )}
    </>
  )
}

function Summary({ trace, root }: { trace: TraceAnswer; root: Run | undefined }) {
  const errors = trace.runs.filter(({ status }) => status === 'error').length
  const tokens = root?.tokens ?? null
  const price = root?.cost ?? trace.cost
  return (
    <p class="head-facts">
      <span>{exactTime(trace.timestamp)}</span>
      {(trace.latency ?? root?.latency ?? null) !== null && (
        <span>{duration(trace.latency ?? root?.latency ?? 0)}</span>
      )}
      <span>
        {trace.has_more_runs
          ? `first ${count(trace.runs.length)} runs`
          : counted(trace.runs.length, 'run')}
      </span>
      {tokens !== null && tokens > 0 && <span>{compactCount(tokens)} tokens</span>}
      {price !== null && price > 0 && <span>{cost(price)}</span>}
      {errors > 0 && <Badge tone="bad">{counted(errors, 'error')}</Badge>}
      {trace.thread_id !== null && <span>thread {trace.thread_id}</span>}
      {trace.user_id !== null && <span>user {trace.user_id}</span>}
      {trace.environment !== 'default' && <span>{trace.environment}</span>}
      {trace.release !== null && <span>release {trace.release}</span>}
      {trace.tags.map((tag) => (
        <Badge key={tag}>{tag}</Badge>
      ))}
    </p>
  )
}
