import { useQuery } from '@tanstack/preact-query'
import type { ComponentChildren } from 'preact'
import { Link } from 'wouter-preact'
import type { Json } from '../../api/answers.ts'
import { request } from '../../api/client.ts'
import type { RunAnswer, TracePayload } from '../../api/run-answers.ts'
import { Badge } from '../../parts/badge.tsx'
import { CopyButton } from '../../parts/copy-button.tsx'
import { cost, count, duration, exactTime } from '../../parts/format.ts'
import { Loading } from '../../parts/loading.tsx'
import { Problem } from '../../parts/problem.tsx'
import { Status } from '../../parts/status.tsx'
import { Field } from '../../parts/viewer/field.tsx'
import { experimentUrl } from '../../url/addresses.ts'
import { Files } from './files.tsx'
import { Scores } from './scores.tsx'

/** One run in full. @param isLive it is read again and again while it is under way */
export function RunDetails({ id, trace, isLive }: { id: string; trace: string; isLive: boolean }) {
  const read = useQuery({
    queryKey: ['run', id],
    queryFn: async ({ signal }) =>
      request<RunAnswer>(`/api/runmill/runs/${encodeURIComponent(id)}`, { signal }),
    refetchInterval: isLive ? 3000 : false,
  })
  if (read.isPending) return <Loading />
  if (read.isError) return <Problem error={read.error} again={() => void read.refetch()} />
  const run = read.data
  const isBare = run.inputs === null && run.outputs === null && run.parent_run_id === null
  return (
    <div class="details">
      <header class="details-head">
        <h2>{run.name ?? 'unnamed'}</h2>
        <Badge>{run.run_type ?? 'run'}</Badge>
        <Status status={run.status} />
        <CopyButton text={() => run.id} label="Copy id" />
      </header>
      <Facts run={run} />
      {run.error !== null && <Field name="Error" place="run/error" value={run.error} tone="bad" />}
      <Field name="Input" place="run/input" value={run.inputs} />
      <Field name="Output" place="run/output" value={run.outputs} />
      {run.example !== null && (
        <Field name="Reference" place="run/reference" value={run.example.reference} />
      )}
      {isBare && <WholePayload trace={trace} />}
      <Files
        attachments={run.attachments}
        payloads={[run.inputs, run.outputs, run.metadata].filter((each) => each !== null)}
      />
      <Scores scores={run.scores} />
      {run.has_more_scores && (
        <p class="note">
          Only the first {count(run.scores.length)} scores are shown. The API has all of them:{' '}
          <code>GET /api/v1/feedback?run={run.id}</code>
        </p>
      )}
      <More name="Metadata" value={run.metadata} />
      <More name="Events" value={run.events} />
      <More name="Tokens in detail" value={run.usage_details} />
      <More name="Costs in detail" value={run.cost_details} />
      <More name="Serialized" value={run.serialized} />
    </div>
  )
}

function Facts({ run }: { run: RunAnswer }) {
  return (
    <dl class="details-facts">
      {run.start_time !== null && <Fact name="Started">{exactTime(run.start_time)}</Fact>}
      {run.latency !== null && <Fact name="Took">{duration(run.latency)}</Fact>}
      {run.tokens !== null && run.tokens > 0 && (
        <Fact name="Tokens">
          {count(run.tokens)}
          {run.prompt_tokens !== null && run.completion_tokens !== null && (
            <span class="soft">
              {' '}
              = {count(run.prompt_tokens)} in + {count(run.completion_tokens)} out
            </span>
          )}
        </Fact>
      )}
      {run.cost !== null && run.cost > 0 && <Fact name="Cost">{cost(run.cost)}</Fact>}
      {run.thread_id !== null && <Fact name="Thread">{run.thread_id}</Fact>}
      {run.tags.length > 0 && <Fact name="Tags">{run.tags.join(', ')}</Fact>}
      {run.example !== null && (
        <Fact name="Example">
          <Link href={`${experimentUrl(run.experiment_id)}?example=${run.example.id}`}>
            in its experiment
          </Link>
        </Fact>
      )}
    </dl>
  )
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

/** Langfuse's clients may give a trace input and output of its own. */
export function WholePayload({ trace }: { trace: string }) {
  const read = useQuery({
    queryKey: ['trace-payload', trace],
    queryFn: async ({ signal }) =>
      request<TracePayload>(`/api/runmill/traces/${encodeURIComponent(trace)}/payload`, { signal }),
  })
  if (read.data === undefined) return null
  const { inputs, outputs, metadata } = read.data
  return (
    <>
      {inputs !== null && <Field name="Input of the trace" place="trace/input" value={inputs} />}
      {outputs !== null && (
        <Field name="Output of the trace" place="trace/output" value={outputs} />
      )}
      <Files attachments={[]} payloads={[inputs, outputs].filter((each) => each !== null)} />
      <More name="Metadata of the trace" value={metadata} />
    </>
  )
}

function More({ name, value }: { name: string; value: Json }) {
  if (value === null || (typeof value === 'object' && Object.keys(value).length === 0)) return null
  return (
    <details class="details-more">
      <summary>{name}</summary>
      <Field name={name} place={`run/${name}`} value={value} head={<span />} />
    </details>
  )
}
