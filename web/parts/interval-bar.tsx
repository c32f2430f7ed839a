import type { Interval } from '../api/answers.ts'
import { short, signed } from './format.ts'

const width = 120
const height = 14
const middle = height / 2

/** A difference and its interval, around zero. Grey while the interval holds zero. */
export function DifferenceBar({
  delta,
  interval,
  tone,
}: {
  delta: number
  interval: Interval | null
  tone: 'good' | 'bad' | 'plain'
}) {
  const [low, high] = interval ?? [delta, delta]
  const reach = Math.max(Math.abs(low), Math.abs(high), Math.abs(delta), 1e-12) * 1.1
  const at = (value: number) => (width / 2) * (1 + value / reach)
  const label =
    interval === null
      ? `difference ${signed(delta)}, no interval`
      : `difference ${signed(delta)}, interval ${signed(low)} to ${signed(high)}`
  return (
    <svg class={`bar bar-${tone}`} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}>
      <line class="bar-zero" x1={width / 2} x2={width / 2} y1="0" y2={height} />
      {interval !== null && (
        <path
          class="bar-interval"
          d={`M${at(low)} ${middle}H${at(high)}M${at(low)} ${middle - 3}v6M${at(high)} ${middle - 3}v6`}
        />
      )}
      <circle class="bar-point" cx={at(delta)} cy={middle} r="3" />
    </svg>
  )
}

/** A mean and its interval on a scale that all rows share. */
export function MeanBar({
  mean,
  interval,
  scale: [from, to],
}: {
  mean: number
  interval: Interval | null
  scale: Interval
}) {
  const reach = to - from || 1
  const at = (value: number) => 4 + ((value - from) / reach) * (width - 8)
  const label =
    interval === null
      ? `mean ${short(mean)}`
      : `mean ${short(mean)}, 95 % interval ${short(interval[0])} to ${short(interval[1])}`
  return (
    <svg class="bar bar-mean" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}>
      <line class="bar-track" x1="4" x2={width - 4} y1={middle} y2={middle} />
      {interval !== null && (
        <line
          class="bar-interval"
          x1={at(interval[0])}
          x2={at(interval[1])}
          y1={middle}
          y2={middle}
        />
      )}
      <circle class="bar-point" cx={at(mean)} cy={middle} r="3" />
    </svg>
  )
}
