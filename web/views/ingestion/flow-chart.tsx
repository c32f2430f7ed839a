import { count, counted } from '../../parts/format.ts'
import { useWidth } from '../../parts/width.ts'

const height = 96
const foot = 16

/** Events accepted and applied by time. The last step, which is not over, is left out. */
export function FlowChart({
  accepted,
  applied,
  stepSeconds,
}: {
  accepted: readonly number[]
  applied: readonly number[]
  stepSeconds: number
}) {
  const [frame, width] = useWidth<HTMLDivElement>(640)
  const [came, went] = [accepted.slice(0, -1), applied.slice(0, -1)]
  const minutes = Math.round((accepted.length * stepSeconds) / 60)
  const most = Math.max(0, ...came, ...went)
  const x = (i: number) => (i / Math.max(1, came.length - 1)) * width
  const y = (value: number) => 4 + (1 - value / Math.max(1, most)) * (height - foot - 6)
  const line = (values: readonly number[]) =>
    values
      .map((value, i) => `${i === 0 ? 'M' : 'L'}${x(i).toFixed(1)} ${y(value).toFixed(1)}`)
      .join('')
  const base = y(0)
  const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0)
  return (
    <figure class="flow">
      <figcaption>
        <span class="flow-key flow-accepted">accepted</span>
        <span class="flow-key flow-applied">applied</span>
        <span class="faint">
          {most === 0
            ? `nothing in the last ${minutes} minutes`
            : `at most ${counted(most, 'event')} in ${stepSeconds} s`}
        </span>
      </figcaption>
      <div ref={frame}>
        <svg
          width={width}
          height={height}
          role="img"
          aria-label={`Events of the last ${minutes} minutes: ${count(total(accepted))} accepted, ${count(total(applied))} applied`}
        >
          <line class="flow-base" x1="0" x2={width} y1={base} y2={base} />
          <path class="flow-area" d={`${line(came)}L${width} ${base}L0 ${base}Z`} />
          <path class="flow-line flow-line-accepted" d={line(came)} />
          <path class="flow-line flow-line-applied" d={line(went)} />
          <text x="0" y={height - 2}>
            {minutes} min ago
          </text>
          <text x={width} y={height - 2} text-anchor="end">
            now
          </text>
        </svg>
      </div>
    </figure>
  )
}
