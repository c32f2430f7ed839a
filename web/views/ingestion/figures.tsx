import type { ComponentChildren } from 'preact'
import type { Flow, Waiting } from '../../api/ingestion-answers.ts'
import { compactCount, count, counted, duration } from '../../parts/format.ts'

/** Steps whose mean is the rate: the last one is not over yet. */
const rateSteps = 6

function rateOf(steps: readonly number[], stepSeconds: number): number {
  const lately = steps.slice(-1 - rateSteps, -1)
  return lately.reduce((sum, events) => sum + events, 0) / (lately.length * stepSeconds || 1)
}

function Figure({
  label,
  value,
  tone,
  children,
}: {
  label: string
  value: string
  tone?: 'bad' | 'warn' | undefined
  children?: ComponentChildren
}) {
  return (
    <div class={tone === undefined ? 'figure' : `figure figure-${tone}`}>
      <dt>{label}</dt>
      <dd>
        <span class="figure-value">{value}</span>
        <span class="note">{children}</span>
      </dd>
    </div>
  )
}

/** An event that waits longer than this is late, in seconds. */
const lateSeconds = 30

/** What waits, what flows, how long it takes, and what did not get through. */
export function Figures({
  waiting,
  flow,
  deadLetters,
  stepSeconds,
}: {
  waiting: Waiting
  flow: Flow
  deadLetters: string
  stepSeconds: number
}) {
  const refused = flow.refused.reduce((sum, { recent }) => sum + recent, 0)
  const oldest = waiting.oldest_seconds
  const rate = (steps: readonly number[]) => perSecond(rateOf(steps, stepSeconds))
  return (
    <dl class="figures">
      <Figure
        label="Waiting"
        value={compactCount(waiting.events)}
        tone={oldest !== null && oldest > lateSeconds ? 'warn' : undefined}
      >
        {oldest === null
          ? 'nothing waits'
          : `${counted(waiting.requests, 'request')}, the oldest for ${duration(oldest)}`}
      </Figure>
      <Figure label="Accepted" value={rate(flow.accepted)}>
        events a second, over a minute
      </Figure>
      <Figure label="Applied" value={rate(flow.applied)}>
        events a second, over a minute
      </Figure>
      <Figure
        label="Lag p95"
        value={flow.lag === null ? 'none' : duration(flow.lag.p95)}
        tone={flow.lag !== null && flow.lag.p95 > lateSeconds ? 'warn' : undefined}
      >
        {flow.lag === null
          ? 'nothing was applied lately'
          : `p50 ${duration(flow.lag.p50)}, p99 ${duration(flow.lag.p99)}, of ${counted(flow.lag.requests, 'request')}`}
      </Figure>
      <Figure label="Refused" value={count(refused)} tone={refused > 0 ? 'warn' : undefined}>
        requests of the last 10 minutes
      </Figure>
      <Figure
        label="Dead letters"
        value={deadLetters}
        tone={deadLetters === '0' ? undefined : 'bad'}
      >
        events that could not be applied
      </Figure>
    </dl>
  )
}

function perSecond(rate: number): string {
  if (rate === 0) return '0'
  return rate < 10 ? rate.toFixed(1) : compactCount(Math.round(rate))
}
