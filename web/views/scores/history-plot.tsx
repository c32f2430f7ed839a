import { useState } from 'preact/hooks'
import { useLocation } from 'wouter-preact'
import type { Interval } from '../../api/answers.ts'
import { count, exactTime, short } from '../../parts/format.ts'
import { useWidth } from '../../parts/width.ts'
import { experimentUrl } from '../../url/addresses.ts'
import { scaleOf } from './scale.ts'

/** What one experiment has of a measure. */
export interface Point {
  id: string
  name: string
  at: string
  mean: number
  interval: Interval | null
  /** Of so many examples; null while that is not read yet. */
  n: number | null
}

const height = 180
const right = 14
const top = 10
const bottom = 22

/**
 * A measure over experiments, the oldest first, with intervals. Each point is a link; what is pointed at, or has the
 * focus, is told below. @param write how a value of this measure is written
 */
export function HistoryPlot({
  name,
  points,
  write = short,
}: {
  name: string
  points: readonly Point[]
  write?: (value: number) => string
}) {
  const [frame, width] = useWidth<HTMLDivElement>(560)
  const [shown, setShown] = useState<string | null>(null)
  const [, navigate] = useLocation()
  const scale = scaleOf(points.flatMap(({ mean, interval }) => [mean, ...(interval ?? [])]))
  const left = 14 + 6.4 * Math.max(...scale.ticks.map((tick) => write(tick).length))
  const inner = width - left - right
  const x = (i: number) =>
    points.length === 1 ? left + inner / 2 : left + 8 + (i / (points.length - 1)) * (inner - 16)
  const y = (value: number) =>
    top + (1 - (value - scale.low) / (scale.high - scale.low || 1)) * (height - top - bottom)
  const told = points.find(({ id }) => id === shown) ?? points.at(-1)
  const reach = points.length > 1 ? (inner - 16) / (points.length - 1) / 2 : inner / 2

  return (
    <figure class="history">
      <figcaption>
        <h2>{name}</h2>
        {told !== undefined && (
          <p class="history-told">
            <span class="cut">{told.name}</span>
            <span class="cut soft">
              <strong>{write(told.mean)}</strong>
              {told.interval !== null &&
                `, 95 % ${write(told.interval[0])} … ${write(told.interval[1])}`}
              {told.n !== null && `, n ${count(told.n)}`}, {exactTime(told.at)}
            </span>
          </p>
        )}
      </figcaption>
      <div ref={frame}>
        <svg width={width} height={height} role="group" aria-label={`${name} by experiment`}>
          {scale.ticks.map((tick) => (
            <g key={tick}>
              <line class="history-grid" x1={left} x2={width - right} y1={y(tick)} y2={y(tick)} />
              <text x={left - 8} y={y(tick) + 4} text-anchor="end">
                {write(tick)}
              </text>
            </g>
          ))}
          <path
            class="history-line"
            d={points.map(({ mean }, i) => `${i === 0 ? 'M' : 'L'}${x(i)} ${y(mean)}`).join('')}
          />
          {points.map((point, i) => (
            <a
              key={point.id}
              href={experimentUrl(point.id)}
              class={point.id === told?.id ? 'history-point history-point-told' : 'history-point'}
              aria-label={labelOf(point, write)}
              onFocus={() => setShown(point.id)}
              onMouseEnter={() => setShown(point.id)}
              onClick={(event: MouseEvent) => {
                if (event.ctrlKey || event.metaKey || event.shiftKey) return
                event.preventDefault()
                navigate(experimentUrl(point.id))
              }}
            >
              <rect
                class="history-reach"
                x={x(i) - Math.min(reach, 40)}
                y={top}
                width={Math.max(1, Math.min(reach, 40) * 2)}
                height={height - top - bottom}
              />
              {point.interval !== null && (
                <path
                  class="history-interval"
                  d={`M${x(i)} ${y(point.interval[0])}V${y(point.interval[1])}M${x(i) - 3} ${y(point.interval[0])}h6M${x(i) - 3} ${y(point.interval[1])}h6`}
                />
              )}
              <circle cx={x(i)} cy={y(point.mean)} r={point.id === told?.id ? 4.5 : 3.5} />
            </a>
          ))}
          <text x={left} y={height - 4}>
            {points.length > 1 ? 'oldest' : ''}
          </text>
          <text x={width - right} y={height - 4} text-anchor="end">
            newest
          </text>
        </svg>
      </div>
    </figure>
  )
}

function labelOf({ name, mean, interval, n }: Point, write: (value: number) => string): string {
  const known =
    interval === null ? '' : `, 95 % interval ${write(interval[0])} to ${write(interval[1])}`
  return `${name}: ${write(mean)}${known}${n === null ? '' : `, ${count(n)} examples`}`
}
