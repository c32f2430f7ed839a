import type { EventOf, IngestEvent } from '../src/domain/events.ts'
import { experimentId, runItemId } from '../src/domain/ids.ts'
import { sliceMembers } from '../src/domain/json.ts'
import { fromEpochMs } from '../src/domain/timestamp.ts'
import { readBody } from '../src/http/langfuse/ingest/ingestion-events.ts'
import { observationToEvents } from '../src/http/langfuse/ingest/observation-to-event.ts'
import type { EventOrigin } from '../src/http/langfuse/ingest/payload-patch.ts'
import { scoreToEvent } from '../src/http/langfuse/ingest/score-to-event.ts'
import { traceToEvents } from '../src/http/langfuse/ingest/trace-to-event.ts'
import { hexOf, idOf } from './ids.ts'
import { startOf, textOf, type Setting, type UnitKind } from './unit-kind.ts'

/** Steps: a trace, a span, a generation, the generation's end, more of the trace, a score, a dataset run item. */
const stepCount = 7
const linkStep = 6

interface Sent {
  id: string
  type: string
  timestamp: string
  body: Record<string, unknown>
}

export const langfuseUnit: UnitKind = {
  name: 'Langfuse',
  stepCount,
  kindsOf: (_, step) => (step === linkStep ? ['dataset-run-items'] : ['ingestion']),
  build(setting, kind, steps) {
    const contentType = 'application/json'
    if (kind === 'dataset-run-items') {
      const body = JSON.stringify(linkBody(setting, steps[0]!.unit))
      return { path: '/api/public/dataset-run-items', contentType, body }
    }
    const batch = steps.map(({ unit, step }) => eventOf(setting, unit, step))
    return { path: '/api/public/ingestion', contentType, body: JSON.stringify({ batch }) }
  },
  eventsOf(setting, unit, step) {
    return step === linkStep ? [linkEvent(setting, unit)] : translate(eventOf(setting, unit, step))
  },
}

function eventOf(setting: Setting, unit: number, step: number): Sent {
  const { seed } = setting
  const begin = startOf(setting, unit)
  const traceId = hexOf(seed, unit, 'trace', 32)
  const spanId = hexOf(seed, unit, 'span', 16)
  const generationId = idOf(seed, unit, 'generation')
  const text = textOf(setting, unit)
  const generation = { id: generationId, traceId, parentObservationId: spanId }
  const events: [type: string, body: Record<string, unknown>][] = [
    [
      'trace-create',
      {
        id: traceId,
        timestamp: isoOf(begin),
        name: `trace ${unit}`,
        userId: `user ${unit % 20}`,
        sessionId: `thread ${unit % 30}`,
        input: { text },
        tags: ['created'],
        metadata: { unit, phase: 'created' },
      },
    ],
    [
      'span-create',
      {
        id: spanId,
        traceId,
        name: `span ${unit}`,
        startTime: isoOf(begin + 1),
        endTime: isoOf(begin + 300),
        input: text,
      },
    ],
    [
      'generation-create',
      {
        ...generation,
        name: `generation ${unit}`,
        model: 'gpt-4o',
        startTime: isoOf(begin + 2),
        input: [{ role: 'user', content: text }],
        modelParameters: { temperature: 0.5 },
      },
    ],
    [
      'generation-update',
      {
        ...generation,
        endTime: isoOf(begin + 200 + (unit % 83)),
        output: { role: 'assistant', content: text.slice(0, 80) },
        usageDetails: { input: unit % 40, output: 9, total: (unit % 40) + 9 },
        metadata: { phase: 'ended' },
      },
    ],
    [
      'trace-create',
      { id: traceId, output: { unit }, tags: ['ended'], metadata: { phase: 'ended' } },
    ],
    [
      'score-create',
      {
        id: idOf(seed, unit, 'score'),
        traceId,
        name: `accuracy ${unit % 3}`,
        value: (unit % 100) / 100,
        dataType: 'NUMERIC',
        comment: `of ${unit}`,
      },
    ],
  ]
  const [type, body] = events[step]!
  return {
    id: idOf(seed, unit, `event ${step}`),
    type,
    timestamp: isoOf(begin + step),
    body,
  }
}

/** Translates as the ingestion route does, which is given the text as it was sent. */
function translate(sent: Sent): IngestEvent[] {
  const read = readBody(sent.type, sent.body)
  if (read.kind === 'log') return []
  const members = sliceMembers(JSON.stringify(sent.body))
  const time = fromEpochMs(Date.parse(sent.timestamp))!
  const content = JSON.stringify(sent)
  const origin: EventOrigin = { rank: read.rank, time, content, now: time }
  const project = experimentId(null, 'default', 0)
  const id = read.body.id!
  switch (read.kind) {
    case 'trace':
      return traceToEvents(id, read.body, members, project, origin)
    case 'observation':
      return observationToEvents(id, read.type, read.body, members, project, origin)
    case 'score':
      return [scoreToEvent(id, read.body, members, undefined, origin)]
  }
}

const runNameOf = (unit: number): string => `chaos run ${unit % 7}`

function linkBody(setting: Setting, unit: number): Record<string, unknown> {
  return {
    runName: runNameOf(unit),
    datasetItemId: setting.examples[unit % setting.examples.length],
    traceId: hexOf(setting.seed, unit, 'trace', 32),
  }
}

function linkEvent(setting: Setting, unit: number): EventOf<'run_item'> {
  const { datasetId, examples, seed } = setting
  const run = experimentId(datasetId, runNameOf(unit), 0)
  const exampleId = examples[unit % examples.length]!
  const hex = hexOf(seed, unit, 'trace', 32)
  const traceId = hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
  return {
    kind: 'run_item',
    id: runItemId(run, exampleId, traceId, null),
    externalId: null,
    version: '1',
    patch: { experimentId: run, datasetId, exampleId, traceId, externalTraceId: hex },
  }
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString()
}
