import { experimentId } from '../src/domain/ids.ts'
import { sliceMembers } from '../src/domain/json.ts'
import { fromEpochMs } from '../src/domain/timestamp.ts'
import { feedbackToEvent } from '../src/http/langsmith/feedback/feedback-to-event.ts'
import { payloadOf, translateRun } from '../src/http/langsmith/ingest/run-to-events.ts'
import { boundary, encode, type GivenPart } from '../test/support/multipart.ts'
import { idOf } from './ids.ts'
import { startOf, textOf, type Setting, type UnitKind, type UnitStep } from './unit-kind.ts'

/** Steps: create of the root, create of its child, the child's end, a change of the root, the root's end, feedback. */
const stepCount = 6
const feedbackStep = 5
const isUpdate = (step: number): boolean => step >= 2
/** One piece of feedback of eight is sent alone, and waits until it can be read. */
const isAlone = (unit: number): boolean => (unit >> 1) % 8 === 0

type Body = Record<string, unknown>

export const langsmithUnit: UnitKind = {
  name: 'LangSmith',
  stepCount,
  kindsOf(unit, step) {
    if (step !== feedbackStep) return ['runs/batch', 'runs/multipart']
    return isAlone(unit) ? ['feedback'] : ['runs/multipart']
  },
  build(setting, kind, steps) {
    if (kind === 'feedback') {
      const body = JSON.stringify(feedbackBody(setting, steps[0]!.unit))
      return { path: '/feedback', contentType: 'application/json', body }
    }
    if (kind === 'runs/batch') {
      const bodies = (wanted: boolean): Body[] =>
        steps
          .filter(({ step }) => isUpdate(step) === wanted)
          .map(({ unit, step }) => runBody(setting, unit, step))
      const body = JSON.stringify({ post: bodies(false), patch: bodies(true) })
      return { path: '/runs/batch', contentType: 'application/json', body }
    }
    const body = encode(steps.flatMap((each) => partsOf(setting, each)))
    return {
      path: '/runs/multipart',
      contentType: `multipart/form-data; boundary=${boundary}`,
      body,
    }
  },
  eventsOf(setting, unit, step) {
    const now = fromEpochMs(startOf(setting, unit))!
    if (step === feedbackStep) {
      const text = JSON.stringify(feedbackBody(setting, unit))
      return [feedbackToEvent(sliceMembers(text), text, now, [])]
    }
    const operation = isUpdate(step) ? 'update' : 'create'
    const text = JSON.stringify(runBody(setting, unit, step))
    const { event, sessionName } = translateRun(payloadOf(operation, null, text, []), now)
    if (sessionName !== null) event.patch.experimentId = experimentId(null, sessionName, 0)
    return [event]
  },
}

function partsOf(setting: Setting, { unit, step }: UnitStep): GivenPart[] {
  if (step === feedbackStep) {
    const { id, ...body } = feedbackBody(setting, unit)
    return [{ name: `feedback.${String(id)}`, value: JSON.stringify(body) }]
  }
  const { inputs, outputs, ...body } = runBody(setting, unit, step)
  const name = `${isUpdate(step) ? 'patch' : 'post'}.${String(body.id)}`
  const parts = [{ name, value: JSON.stringify(body) }]
  for (const [field, value] of Object.entries({ inputs, outputs })) {
    if (value !== undefined) parts.push({ name: `${name}.${field}`, value: JSON.stringify(value) })
  }
  return parts
}

function runBody(setting: Setting, unit: number, step: number): Body {
  const rootId = idOf(setting.seed, unit, 'root')
  const childId = idOf(setting.seed, unit, 'child')
  const begin = startOf(setting, unit)
  const text = textOf(setting, unit)
  const rootOrder = `${segmentOf(begin)}${rootId}`
  const session = { session_name: `chaos project ${unit % 5}` }
  const root = {
    id: rootId,
    trace_id: rootId,
    dotted_order: rootOrder,
    start_time: isoOf(begin),
    ...session,
  }
  const child = {
    id: childId,
    trace_id: rootId,
    parent_run_id: rootId,
    dotted_order: `${rootOrder}.${segmentOf(begin + 1)}${childId}`,
    start_time: isoOf(begin + 1),
    ...session,
  }
  const bodies: Body[] = [
    {
      ...root,
      name: `root ${unit}`,
      run_type: 'chain',
      inputs: { text, unit },
      reference_example_id: setting.examples[unit % setting.examples.length],
      tags: ['created'],
      extra: { metadata: { unit, phase: 'created' }, runtime: { sdk: 'chaos' } },
    },
    { ...child, name: `child ${unit}`, run_type: 'llm', inputs: { text } },
    {
      ...child,
      end_time: isoOf(begin + 400 + (unit % 97)),
      outputs: {
        text,
        usage_metadata: {
          input_tokens: unit % 50,
          output_tokens: 7,
          total_tokens: (unit % 50) + 7,
        },
      },
    },
    { ...root, tags: ['changed'], extra: { metadata: { phase: 'changed', changed: true } } },
    {
      ...root,
      end_time: isoOf(begin + 600 + (unit % 89)),
      outputs: { answer: text.slice(0, 50), unit },
      ...(unit % 11 === 0 ? { error: `failed ${unit}` } : {}),
      extra: { metadata: { phase: 'ended' } },
    },
  ]
  return bodies[step]!
}

function feedbackBody(setting: Setting, unit: number): Body {
  const rootId = idOf(setting.seed, unit, 'root')
  return {
    id: idOf(setting.seed, unit, 'feedback'),
    run_id: rootId,
    trace_id: rootId,
    key: `quality ${unit % 3}`,
    score: (unit % 100) / 100,
    comment: `of ${unit}`,
    created_at: isoOf(startOf(setting, unit) + 700),
  }
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString()
}

/** One segment of a dotted order without its id (contracts/langsmith.md 3.1). */
function segmentOf(ms: number): string {
  return `${isoOf(ms).replaceAll(/[-:.Z]/g, '')}000Z`
}
