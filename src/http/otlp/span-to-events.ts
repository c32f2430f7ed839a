import type { JsonMap, JsonText } from '../../domain/entities.ts'
import { eventVersion, unlessNull, type EventOf, type IngestEvent } from '../../domain/events.ts'
import { previewOf } from '../../domain/json.ts'
import { runTypeOf } from '../../domain/observation-types.ts'
import type { Timestamp } from '../../domain/timestamp.ts'
import { readAttributes, textOf, type AttributeReader } from './attribute-reader.ts'
import type { Span, SpanEvent } from './decode.ts'
import { langsmithPatch } from './langsmith-fields.ts'
import {
  readEnvironment,
  readExtras,
  readFirstTokenTime,
  readInput,
  readLevel,
  readModelParameters,
  readName,
  readPromptVersion,
  readPublic,
  readTags,
  readType,
  readUsage,
} from './observation.ts'
import { idsOf, type IdScheme } from './span-ids.ts'

type RunPatch = EventOf<'run'>['patch']
type TracePatch = EventOf<'trace'>['patch']

export interface SpanContext {
  /** The project of all spans, or of each. */
  experimentId: string | ((span: Span) => string)
  /** Default: `named`. */
  idScheme?: IdScheme
  now: Timestamp
}

/**
 * Translates spans into one event per run and as few as possible per trace (contracts/langfuse.md 2.8.1). The same
 * spans make the same rows, in whatever order they come, however often, and however they are split into exports. A
 * trace begins with its earliest span. Where spans disagree about their trace, the one that began last counts.
 */
export function spansToEvents(spans: readonly Span[], context: SpanContext): IngestEvent[] {
  const runs: EventOf<'run'>[] = []
  const first = new Map<string, EventOf<'trace'>>()
  const said: EventOf<'trace'>[] = []
  for (const span of spans) {
    const reader = readAttributes(span)
    const run = runEvent(span, reader, context)
    runs.push(run)
    const { id: traceId } = idsOf(span, context.idScheme ?? 'named').trace
    const held = first.get(traceId)
    if (held === undefined || span.startTime <= held.patch.timestamp!) {
      const start = traceStartEvent(span, run.patch, context)
      const isFirst = held === undefined || BigInt(start.version) < BigInt(held.version)
      if (isFirst) first.set(traceId, start)
    }
    const saying = traceEvent(span, reader, run.patch, context)
    if (saying !== null) said.push(saying)
  }
  return [...runs, ...first.values(), ...withoutOverruled(said)]
}

function runEvent(
  span: Span,
  reader: AttributeReader,
  { experimentId, idScheme = 'named', now }: SpanContext,
): EventOf<'run'> {
  const { trace, run, parent } = idsOf(span, idScheme)
  const type = readType(span, reader)
  const inputs = readInput(reader)
  const outputs = reader.json('output')
  const tags = readTags(reader)
  const events = span.events.filter(({ name }) => !name.startsWith('gen_ai.'))
  const patch: RunPatch = {
    traceId: trace.id,
    externalTraceId: trace.externalId,
    experimentId: projectOf(span, experimentId),
    ...(parent === null ? {} : { parentRunId: parent.id, externalParentRunId: parent.externalId }),
    name: readName(span, reader, type),
    runType: runTypeOf(type),
    startTime: span.startTime,
    endTime: span.endTime,
    ...(inputs === null ? {} : { inputs, inputsPreview: previewOf(inputs) }),
    ...(outputs === null ? {} : { outputs, outputsPreview: previewOf(outputs) }),
    ...(events.length === 0 ? {} : { events: eventsText(events) }),
    ...(tags.length === 0 ? {} : { tags }),
    metadata: { ...reader.metadata('observation'), ...readExtras(span, reader) },
    level: readLevel(span, reader),
    ...unlessNull('statusMessage', reader.text('statusMessage') ?? textOf(span.statusMessage)),
    ...unlessNull('version', reader.text('version')),
    ...unlessNull('model', reader.text('model')),
    ...unlessNull('modelParameters', readModelParameters(reader)),
    ...readUsage(reader),
    ...langsmithPatch(span, outputs),
    ...unlessNull('firstTokenTime', readFirstTokenTime(span, reader)),
    ...unlessNull('threadId', reader.name('sessionId')),
    ...unlessNull('userId', reader.name('userId')),
    ...(type === 'GENERATION' ? promptPatch(reader) : {}),
    environment: readEnvironment(reader),
    // A span without a parent is a root anyway.
    ...(parent !== null && isTrue(reader.find('isAppRoot')) ? { isAppRoot: true } : {}),
  }
  return {
    kind: 'run',
    id: run.id,
    externalId: run.externalId,
    version: versionOf(span.endTime, span, patch),
    patch: { ...patch, createdAt: now, updatedAt: now },
  }
}

function promptPatch(reader: AttributeReader): RunPatch {
  const promptName = reader.text('promptName')
  return promptName === null ? {} : { promptName, promptVersion: readPromptVersion(reader) }
}

/** Writes what the instrumented library noted during the span, above all exceptions. */
function eventsText(events: SpanEvent[]): JsonText {
  return JSON.stringify(
    events.map(({ name, time, attributes }) => ({
      name,
      ...(time === null ? {} : { time }),
      attributes: Object.fromEntries(attributes),
    })),
  )
}

/** Makes the event that a trace exists. The first span gives its time and environment. */
function traceStartEvent(
  span: Span,
  { environment = null }: RunPatch,
  { experimentId, idScheme = 'named', now }: SpanContext,
): EventOf<'trace'> {
  const { trace } = idsOf(span, idScheme)
  const patch: TracePatch = {
    timestamp: span.startTime,
    experimentId: projectOf(span, experimentId),
    environment,
  }
  return {
    kind: 'trace',
    id: trace.id,
    externalId: trace.externalId,
    version: versionOf(span.startTime, span, patch),
    patch: { ...patch, createdAt: now, updatedAt: now },
  }
}

/**
 * Makes the event of what a span says about its trace. A root stands for its trace, with its own name, input, output
 * and metadata, unless attributes say otherwise. Any other span says only what its attributes about the trace say. An
 * absent field keeps what is stored.
 * @returns null when the span says nothing about its trace
 */
function traceEvent(
  span: Span,
  reader: AttributeReader,
  run: RunPatch,
  { idScheme = 'named', now }: SpanContext,
): EventOf<'trace'> | null {
  const { trace, parent } = idsOf(span, idScheme)
  const root = parent === null || isTrue(reader.find('isTraceRoot')) ? run : null
  const inputs = reader.json('traceInput') ?? root?.inputs ?? null
  const outputs = reader.json('traceOutput') ?? root?.outputs ?? null
  const tags = readTags(reader)
  const metadata: JsonMap = { ...root?.metadata, ...reader.metadata('trace') }
  const patch: TracePatch = {
    ...unlessNull('name', reader.text('traceName') ?? textOf(root?.name ?? null)),
    ...unlessNull('userId', reader.name('userId')),
    ...unlessNull('threadId', reader.name('sessionId')),
    ...unlessNull('isPublic', readPublic(reader)),
    ...(tags.length === 0 ? {} : { tags }),
    ...(Object.keys(metadata).length === 0 ? {} : { metadata }),
    ...(inputs === null ? {} : { inputs, inputsPreview: previewOf(inputs) }),
    ...(outputs === null ? {} : { outputs, outputsPreview: previewOf(outputs) }),
  }
  if (Object.keys(patch).length === 0) return null
  const whole: TracePatch = {
    ...patch,
    ...unlessNull('version', reader.text('version')),
    ...unlessNull('release', reader.text('release')),
  }
  return {
    kind: 'trace',
    id: trace.id,
    externalId: trace.externalId,
    version: versionOf(span.startTime, span, whole),
    patch: { ...whole, updatedAt: now },
  }
}

/**
 * Leaves out what a newer event of the same export overrules, field by field and key by key. SDKs repeat the
 * attributes of a trace on each of its spans. The rows are the same either way (SPEC I4), but a trace of a thousand
 * spans needs one event instead of a thousand.
 */
function withoutOverruled(events: EventOf<'trace'>[]): EventOf<'trace'>[] {
  const newestFirst = events.toSorted((a, b) => (BigInt(a.version) < BigInt(b.version) ? 1 : -1))
  const seen = new Set<string>()
  const isNew = (id: string, field: string, member: string): boolean => {
    const key = JSON.stringify([id, field, member])
    const isFirst = !seen.has(key)
    seen.add(key)
    return isFirst
  }
  const kept: EventOf<'trace'>[] = []
  for (const event of newestFirst) {
    const { id, patch } = event
    const { tags, metadata, ...fields } = patch
    const left: TracePatch = Object.fromEntries(
      Object.entries(fields).filter(([field]) => isNew(id, field, '')),
    )
    const newTags = tags?.filter((tag) => isNew(id, 'tags', tag)) ?? []
    const newMetadata = Object.entries(metadata ?? {}).filter(([key]) => isNew(id, 'metadata', key))
    if (newTags.length > 0) left.tags = newTags
    if (newMetadata.length > 0) left.metadata = Object.fromEntries(newMetadata)
    if (Object.keys(left).length > 0) kept.push({ ...event, patch: left })
  }
  return kept
}

/**
 * Derives a version from the span alone, so that it is the same however often the span comes, and in whatever
 * encoding.
 */
function versionOf(time: Timestamp, { spanId }: Span, patch: object): string {
  return eventVersion('create', time, `${spanId} ${JSON.stringify(patch)}`)
}

function projectOf(span: Span, experimentId: SpanContext['experimentId']): string {
  return typeof experimentId === 'string' ? experimentId : experimentId(span)
}

function isTrue(value: unknown): boolean {
  return value === true || value === 'true'
}
