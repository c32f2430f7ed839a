import { lazy, Suspense } from 'preact/compat'
import { useState } from 'preact/hooks'
import { Link } from 'wouter-preact'
import type { Execution, Json } from '../../api/answers.ts'
import { Badge } from '../../parts/badge.tsx'
import { cost, count, duration } from '../../parts/format.ts'
import { Field } from '../../parts/viewer/field.tsx'
import { traceUrl } from '../../url/addresses.ts'

const Difference = lazy(async () => import('../../parts/viewer/difference.tsx'))

const place = 'runmill.outputs'

interface Side {
  name: string
  role: string
  executions: readonly Execution[]
  /** Which of its executions is shown. */
  at: number
}

/** What both sides gave: beside each other, or as one text with what changed. */
export function Outputs({
  sides,
  place: field,
  choose,
}: {
  sides: readonly [Side, Side]
  place: string
  choose: (side: number, index: number) => void
}) {
  const [isDiff, setDiff] = useState(localStorage.getItem(place) === 'diff')
  const toggle = (next: boolean) => {
    localStorage.setItem(place, next ? 'diff' : 'both')
    setDiff(next)
  }
  const [a, b] = sides.map(({ executions, at }) => executions[at])
  const canDiff = a !== undefined && b !== undefined
  return (
    <section class="outputs" aria-label="Outputs">
      <div class="section-head">
        <h3>Outputs</h3>
        <span class="segments" role="group" aria-label="How outputs are shown">
          <button type="button" aria-pressed={!isDiff} onClick={() => toggle(false)}>
            Side by side
          </button>
          <button
            type="button"
            aria-pressed={isDiff}
            onClick={() => toggle(true)}
            disabled={!canDiff}
          >
            Difference
          </button>
        </span>
      </div>
      <div class="sides">
        {sides.map((side, index) => (
          <div class="side-column" key={side.role}>
            <SideHead
              side={side}
              choose={(at) => choose(index, at)}
              hasField={!(isDiff && canDiff) && hasField(side.executions[side.at])}
            />
            {!(isDiff && canDiff) && (
              <Result execution={side.executions[side.at]} field={field} role={side.role} />
            )}
          </div>
        ))}
      </div>
      {isDiff && canDiff && (
        <Suspense fallback={null}>
          <Difference before={resultOf(a)} after={resultOf(b)} />
        </Suspense>
      )}
    </section>
  )
}

function resultOf({ status, error, outputs }: Execution): Json {
  return status === 'error' && error !== null ? error : outputs
}

/** Where the result is shown as a field, the facts are in its head. */
function hasField(execution: Execution | undefined): boolean {
  return execution !== undefined && (execution.status === 'error' || execution.outputs !== null)
}

function SideHead({
  side,
  choose,
  hasField,
}: {
  side: Side
  choose: (index: number) => void
  hasField: boolean
}) {
  const { name, role, executions, at } = side
  const execution = executions[at]
  return (
    <div class="side-head">
      <span class="side-name">
        <span class="soft">{role}</span> <b class="cut">{name}</b>
      </span>
      {executions.length > 1 && (
        <span class="segments" role="group" aria-label={`Executions of the ${role.toLowerCase()}`}>
          {executions.map(({ id }, index) => (
            <button
              key={id}
              type="button"
              aria-pressed={index === at}
              aria-label={`Execution ${index + 1} of ${executions.length}`}
              onClick={() => choose(index)}
            >
              {index + 1}
            </button>
          ))}
        </span>
      )}
      {execution !== undefined && !hasField && <Facts execution={execution} role={role} />}
    </div>
  )
}

function Facts({ execution, role }: { execution: Execution; role: string }) {
  const { status, latency, tokens, cost: dollars, trace_id, run_id } = execution
  return (
    <span class="facts">
      {status === 'error' && <Badge tone="bad">failed</Badge>}
      {status === 'pending' && <Badge tone="live">running</Badge>}
      {latency !== null && <span>{duration(latency)}</span>}
      {tokens !== null && <span>{count(tokens)} tokens</span>}
      {dollars !== null && <span>{cost(dollars)}</span>}
      {trace_id !== null && (
        <Link href={traceUrl(trace_id, run_id)} aria-label={`Trace of the ${role.toLowerCase()}`}>
          Trace
        </Link>
      )}
    </span>
  )
}

function Result({
  execution,
  field,
  role,
}: {
  execution: Execution | undefined
  field: string
  role: string
}) {
  if (execution === undefined) {
    return <p class="nothing">This side has not run the example.</p>
  }
  if (execution.status === 'error') {
    return (
      <Field
        name={`${role}’s error`}
        head={<Facts execution={execution} role={role} />}
        place={`${field}/error`}
        value={execution.error}
        tone="bad"
      />
    )
  }
  if (execution.outputs === null) {
    return (
      <p class="nothing">
        {execution.status === 'pending' ? 'It has not ended yet.' : 'It gave no output.'}
      </p>
    )
  }
  return (
    <Field
      name={`${role}’s output`}
      head={<Facts execution={execution} role={role} />}
      place={field}
      value={execution.outputs}
    />
  )
}
