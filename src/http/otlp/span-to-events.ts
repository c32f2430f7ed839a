import { hash } from 'node:crypto'
import type { JsonText } from '../../domain/entities.ts'
import { eventVersion, hashedVersion, type EventOf, type IngestEvent } from '../../domain/events.ts'
import { impliedVersion } from '../../domain/implied-version.ts'
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
  readOutput,
  readPromptVersion,
  readPublic,
  readStatusMessage,
  readTags,
  readType,
} from './observation.ts'
import { createIdReader, type IdScheme, type SpanIds } from './span-ids.ts'
import { readUsage } from './usage.ts'

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
 * trace begins with its earliest span. Where the attributes of spans disagree about their trace, the span that began
 * last counts; where no attribute says a thing, the span that stands for the trace implies it.
 */
export function spansToEvents(spans: readonly Span[], context: SpanContext): IngestEvent[] {
  const runs: EventOf<'run'>[] = []
  const first = new Map<string, EventOf<'trace'>>()
  const said: EventOf<'trace'>[] = []
  const idsOf = createIdReader(context.idScheme ?? 'named')
  for (const span of spans) {
    const reader = readAttributes(span)
    // Read first, because the run shows what no field used.
    const explicit = readTraceAttributes(reader)
    const ids = idsOf(span)
    const { trace } = ids
    const rank = readRank(ids.parent === null, reader)
    const { run, content } = runEvent(span, ids, reader, context)
    runs.push(run)
    const held = first.get(trace.id)
    // Versions tell apart what began in the same millisecond.
    if (held === undefined || msOf(span.startTime) <= msOf(held.patch.timestamp!)) {
      const start = traceStartEvent(span, trace, run.patch, content, context)
      const isFirst = held === undefined || compareVersions(start.version, held.version) < 0
      if (isFirst) first.set(trace.id, start)
    }
    const implied = impliedPatch(reader, rank, run.patch)
    implied.updatedAt = context.now
    said.push({
      kind: 'trace',
      id: trace.id,
      externalId: trace.externalId,
      version: impliedVersion(rank, span.startTime, contentWith(content, implied.release)),
      patch: implied,
    })
    if (Object.keys(explicit).length > 0) {
      const version = eventVersion('create', span.startTime, contentOf(span, explicit))
      explicit.updatedAt = context.now
      said.push({
        kind: 'trace',
        id: trace.id,
        externalId: trace.externalId,
        version,
        patch: explicit,
      })
    }
  }
  return [...runs, ...first.values(), ...withoutOverruled(said)]
}

/** The hash of a span's content, with what its trace has beside it. */
function contentWith(content: string, release: string | null | undefined): string {
  return isNothing(release) ? content : hash('sha1', `${content} ${release}`)
}

function isNothing(value: unknown): value is null | undefined {
  return value === null || value === undefined
}

function msOf(time: Timestamp): string {
  return time.slice(0, '2026-01-01T00:00:00.000'.length)
}

/** Tells which of two versions is newer. Both are decimal, without leading zeros. */
function compareVersions(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length
  return a < b ? -1 : a > b ? 1 : 0
}

/** @returns the event, and a hash of what the span says, which tells events of the same time apart */
function runEvent(
  span: Span,
  { trace, run, parent }: SpanIds,
  reader: AttributeReader,
  { experimentId, now }: SpanContext,
): { run: EventOf<'run'>; content: string } {
  const type = readType(span, reader)
  const inputs = readInput(reader)
  const outputs = readOutput(reader)
  const tags = readTags(reader)
  const events = reader.otherEvents()
  const patch: RunPatch = {
    traceId: trace.id,
    externalTraceId: trace.externalId,
    experimentId: projectOf(span, experimentId),
    name: readName(span, reader, type),
    runType: runTypeOf(type),
    startTime: span.startTime,
    endTime: span.endTime,
    level: readLevel(span, reader),
  }
  const set = setter(patch)
  if (parent !== null) {
    patch.parentRunId = parent.id
    patch.externalParentRunId = parent.externalId
  }
  set('inputs', inputs)
  set('outputs', outputs)
  if (events.length > 0) patch.events = eventsText(events)
  if (tags.length > 0) patch.tags = tags
  set('statusMessage', readStatusMessage(span, reader))
  set('version', reader.text('version'))
  set('model', reader.text('model'))
  set('modelParameters', readModelParameters(reader))
  Object.assign(patch, readUsage(reader, type), langsmithPatch(span, outputs))
  set('firstTokenTime', readFirstTokenTime(span, reader))
  set('threadId', reader.name('sessionId'))
  set('userId', reader.name('userId'))
  if (type === 'GENERATION') Object.assign(patch, promptPatch(reader))
  patch.environment = readEnvironment(reader)
  // A span without a parent is a root anyway.
  if (parent !== null && isTrue(reader.find('isAppRoot'))) patch.isAppRoot = true
  patch.metadata = Object.assign(reader.metadata('observation'), readExtras(span, reader))
  const content = hash('sha1', contentOf(span, patch))
  patch.createdAt = now
  patch.updatedAt = now
  const version = hashedVersion('create', span.endTime, content)
  return { run: { kind: 'run', id: run.id, externalId: run.externalId, version, patch }, content }
}

/** Makes what sets a property to what is known. Spreading objects into one takes longer than to read their values. */
function setter<T extends RunPatch | TracePatch>(
  patch: T,
): <P extends keyof T>(property: P, value: T[P] | null) => void {
  return (property, value) => {
    if (!isNothing(value)) patch[property] = value
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
  trace: SpanIds['trace'],
  { environment = null }: RunPatch,
  content: string,
  { experimentId, now }: SpanContext,
): EventOf<'trace'> {
  return {
    kind: 'trace',
    id: trace.id,
    externalId: trace.externalId,
    version: hashedVersion('create', span.startTime, content),
    patch: {
      timestamp: span.startTime,
      experimentId: projectOf(span, experimentId),
      environment,
      createdAt: now,
      updatedAt: now,
    },
  }
}

/** What the attributes of a span say about its trace. An absent field keeps what is stored. */
function readTraceAttributes(reader: AttributeReader): TracePatch {
  const inputs = reader.json('traceInput')
  const outputs = reader.json('traceOutput')
  const tags = readTags(reader)
  const metadata = reader.metadata('trace')
  const version = reader.text('version')
  const release = reader.text('release')
  const patch: TracePatch = {}
  const set = setter(patch)
  set('name', reader.text('traceName'))
  set('userId', reader.name('userId'))
  set('threadId', reader.name('sessionId'))
  set('isPublic', readPublic(reader))
  if (tags.length > 0) patch.tags = tags
  if (Object.keys(metadata).length > 0) patch.metadata = metadata
  set('inputs', inputs)
  set('outputs', outputs)
  if (Object.keys(patch).length === 0) return patch
  if (isOwn(reader, 'version')) set('version', version)
  if (isOwn(reader, 'release')) set('release', release)
  return patch
}

/** True when the span itself tells the field, and not only its resource. */
function isOwn(reader: AttributeReader, field: 'version' | 'release'): boolean {
  return reader.keyOf(field) === `langfuse.${field}`
}

/**
 * Tells how well a span can stand for its trace: 3 without a parent, 2 where a process joined the trace, 1 where an
 * application begins below a span of another program, else 0.
 */
function readRank(isRoot: boolean, reader: AttributeReader): number {
  const isTraceRoot = isTrue(reader.find('isTraceRoot'))
  const isAppRoot = isTrue(reader.find('isAppRoot'))
  if (isRoot) return 3
  if (isTraceRoot) return 2
  return isAppRoot ? 1 : 0
}

/**
 * What a span lends to its trace: its own name, input and output, and the version and release of its program. An input
 * or output that it does not have is null, so that the trace does not get one from a span that stands for it less.
 * Only what may be a root lends its metadata, because the metadata of several spans add up.
 */
function impliedPatch(reader: AttributeReader, rank: number, run: RunPatch): TracePatch {
  const patch: TracePatch = {}
  const set = setter(patch)
  set('version', reader.text('version'))
  set('release', reader.text('release'))
  set('name', textOf(run.name ?? null))
  if (rank > 0) set('metadata', run.metadata)
  patch.inputs = run.inputs ?? null
  patch.outputs = run.outputs ?? null
  return patch
}

/**
 * Leaves out what a newer event of the same export overrules, field by field and key by key. SDKs repeat the
 * attributes of a trace on each of its spans. The rows are the same either way (SPEC I4), but a trace of a thousand
 * spans needs one event instead of a thousand.
 */
function withoutOverruled(events: EventOf<'trace'>[]): EventOf<'trace'>[] {
  const newestFirst = events.toSorted((a, b) => compareVersions(b.version, a.version))
  const seenOfTrace = new Map<string, Set<string>>()
  const kept: EventOf<'trace'>[] = []
  for (const event of newestFirst) {
    let seen = seenOfTrace.get(event.id)
    if (seen === undefined) seenOfTrace.set(event.id, (seen = new Set()))
    const patch = patchBeside(seen, event.patch)
    if (patch !== null) kept.push({ ...event, patch })
  }
  return kept
}

/**
 * Returns what a patch adds to newer ones; null when it adds nothing.
 * @param seen the fields, tags and keys of metadata of the newer ones; those of the patch are added
 */
function patchBeside(seen: Set<string>, patch: TracePatch): TracePatch | null {
  const isNew = (name: string): boolean => seen.size < seen.add(name).size
  const { tags, metadata } = patch
  const left: Record<string, unknown> = {}
  let isEmpty = true
  for (const field of Object.keys(patch) as (keyof TracePatch)[]) {
    if (field === 'tags' || field === 'metadata' || !isNew(field)) continue
    left[field] = patch[field]
    isEmpty = false
  }
  const newTags = tags?.filter((tag) => isNew(`tag ${tag}`)) ?? []
  if (newTags.length > 0) left.tags = newTags
  const newMetadata = Object.entries(metadata ?? {}).filter(([key]) => isNew(`metadata ${key}`))
  if (newMetadata.length > 0) left.metadata = Object.fromEntries(newMetadata)
  return isEmpty && newTags.length === 0 && newMetadata.length === 0 ? null : left
}

/**
 * What tells an event from others of the same time. It is derived from the span alone, so that the version is the same
 * however often the span comes, and in whatever encoding.
 */
function contentOf({ spanId }: Span, patch: object): string {
  let content = spanId
  for (const [property, value] of Object.entries(patch) as [string, unknown][]) {
    // Most of it is text, which takes longer to quote than to hash.
    content += ` ${property}:${typeof value === 'string' ? value : JSON.stringify(value)}`
  }
  return content
}

function projectOf(span: Span, experimentId: SpanContext['experimentId']): string {
  return typeof experimentId === 'string' ? experimentId : experimentId(span)
}

function isTrue(value: unknown): boolean {
  return value === true || value === 'true'
}
