import { setImmediate as nextTurn } from 'node:timers/promises'
import { attachmentsMap, type Attachment } from '../../../domain/attachments.ts'
import { eventVersion, type EventOf, type IngestEvent } from '../../../domain/events.ts'
import type { JsonMap, JsonText } from '../../../domain/entities.ts'
import { storableText } from '../../../domain/ids.ts'
import {
  type Element,
  hasHugeNumber,
  jsonMapOf,
  sliceElements,
  sliceMembers,
  toJsonMap,
} from '../../../domain/json.ts'
import { parseTimestamp, type Timestamp } from '../../../domain/timestamp.ts'
import type { Services } from '../../services.ts'
import { invalid, LangsmithError } from '../errors.ts'
import type { ValidationDetail } from '../validation-details.ts'
import { readLineage } from './lineage.ts'
import { withoutNulls } from '../payload-values.ts'
import { readRunValues } from './run-payload.ts'
import { findUsage } from '../../../domain/usage-metadata.ts'

/**
 * One create or update of a run: the text of each field, cut out of a JSON body or out of the parts of a multipart
 * body.
 */
export interface RunPayload {
  operation: 'create' | 'update'
  /** The run's id from the path or the name of a part; null when it is the field `id`. */
  id: string | null
  fields: ReadonlyMap<string, JsonText>
  /** Everything that was sent, or a hash of it: tells payloads of one run apart. */
  content: string
  /** Attachments that are in the blob store already; of those with one name the last counts. */
  attachments?: readonly Attachment[]
  /** Where the payload is in the request, for error messages. */
  loc: (string | number)[]
}

export interface RefusedRun {
  /** The id as it was sent; null when it is missing. */
  runId: string | null
  loc: (string | number)[]
  error: LangsmithError
}

interface Translated {
  payload: RunPayload
  event: EventOf<'run'>
  sessionId: string | null
  sessionName: string | null
}

/** After this long the event loop may turn, because translating a body of 20 MB takes much longer. */
const longestMs = 20

/**
 * Translates payloads to events by contracts/langsmith.md 3. Bad ones are refused without affecting the others.
 * Projects that are named and do not exist are made.
 */
export async function translateRuns(
  { experimentIds, clock }: Services,
  tenantId: string,
  payloads: readonly RunPayload[],
): Promise<{ events: IngestEvent[]; refused: RefusedRun[] }> {
  const now = clock.now()
  const refused: RefusedRun[] = []
  const translated: Translated[] = []
  let since = performance.now()
  for (const payload of payloads) {
    if (performance.now() - since > longestMs) {
      await nextTurn()
      since = performance.now()
    }
    try {
      translated.push(translateRun(payload, now))
    } catch (error) {
      if (!(error instanceof LangsmithError)) throw error
      refused.push({ runId: runIdOf(payload), loc: payload.loc, error })
    }
  }
  const sessionIds = distinct(translated.map((run) => run.sessionId))
  const existing = await experimentIds.listExisting(tenantId, sessionIds)
  const found = translated.filter((run) => run.sessionId === null || existing.has(run.sessionId))
  for (const { payload, sessionId } of translated) {
    if (sessionId === null || existing.has(sessionId)) continue
    const error = new LangsmithError(404, `Session not found: session_id ${sessionId}`)
    refused.push({ runId: runIdOf(payload), loc: payload.loc, error })
  }
  const names = distinct(found.map((run) => run.sessionName))
  const ids = await experimentIds.resolveNames(tenantId, names, now)
  for (const { event, sessionId, sessionName } of found) {
    const experimentId = sessionId ?? (sessionName === null ? undefined : ids.get(sessionName))
    if (experimentId !== undefined) event.patch.experimentId = experimentId
  }
  return { events: found.map(({ event }) => event), refused }
}

/** Reads a JSON object as a payload. @throws LangsmithError 422 when the text is anything else */
export function payloadOf(
  operation: RunPayload['operation'],
  id: string | null,
  text: JsonText,
  loc: (string | number)[],
): RunPayload {
  const isObject = text.trimStart().startsWith('{')
  return payloadOfElement(
    operation,
    { text, members: isObject ? sliceMembers(text) : null },
    loc,
    id,
  )
}

/** As `payloadOf`, of an element of a list. */
export function payloadOfElement(
  operation: RunPayload['operation'],
  { text, members }: Element,
  loc: (string | number)[],
  id: string | null = null,
): RunPayload {
  if (members === null) throw invalid(loc, 'Input should be an object', 'model_type')
  return { operation, id, fields: members, content: text, loc }
}

/** An answer names this many refused runs, and counts the rest. */
const maxNamed = 50

/** One error for the refused runs of a body whose other runs were stored (contracts/langsmith.md 2.6.2). */
export function refusedError(refused: readonly RefusedRun[]): LangsmithError {
  const details = refused
    .slice(0, maxNamed)
    .flatMap(({ runId, loc, error }): ValidationDetail[] => {
      const name = `run ${runId ?? 'without id'}`
      if (typeof error.detail === 'string') {
        return [{ loc, msg: `${name}: ${error.detail}`, type: 'value_error' }]
      }
      return error.detail.map((detail) => ({ ...detail, msg: `${name}: ${detail.msg}` }))
    })
  const unnamed = refused.length - maxNamed
  if (unnamed > 0) {
    details.push({ loc: ['body'], msg: `${unnamed} more runs were refused`, type: 'value_error' })
  }
  return new LangsmithError(422, details)
}

/** Translates one payload; its session is still to be looked up. @throws LangsmithError 422 */
export function translateRun(payload: RunPayload, now: Timestamp): Translated {
  const { operation, loc } = payload
  const fields = withoutNulls(payload.fields)
  const values = readRunValues(fields, payload.id, loc)
  checkEvents(fields.get('events'), loc)
  const id = values.id ?? null
  if (id === null) throw invalid([...loc, 'id'], 'Field required', 'missing')
  const isCreate = operation === 'create'
  const lineage = readLineage({
    id,
    isCreate,
    traceId: values.trace_id ?? null,
    parentRunId: values.parent_run_id ?? null,
    dottedOrder: values.dotted_order ?? null,
    startTime: values.start_time ?? null,
    now,
    loc,
  })
  const version = eventVersion(
    operation,
    // An update of a run that has not ended gets the version of its start, so a late repeat of it cannot win over the
    // update that ended the run.
    (isCreate ? lineage.startTime : (values.end_time ?? values.start_time)) ?? now,
    payload.content,
  )
  const extra = extraMembers(fields)
  const patch = payloadPatch(fields, extra, isCreate)
  if (lineage.traceId !== null) {
    patch.traceId = lineage.traceId
    patch.externalTraceId = null
  }
  if (lineage.parentRunId !== null) {
    patch.parentRunId = lineage.parentRunId
    patch.externalParentRunId = null
  }
  if (lineage.dottedOrder !== null) patch.dottedOrder = lineage.dottedOrder
  if (lineage.startTime !== null) patch.startTime = lineage.startTime
  if (values.end_time) patch.endTime = values.end_time
  if (isGiven(values.name)) patch.name = values.name
  if (values.run_type) patch.runType = values.run_type
  if (values.reference_example_id) patch.referenceExampleId = values.reference_example_id
  if (values.tags && values.tags.length > 0) patch.tags = values.tags
  if (extra !== null) Object.assign(patch, extraPatch(extra, loc))
  if (payload.attachments !== undefined) patch.attachments = attachmentsMap(payload.attachments)
  patch.createdAt = now
  patch.updatedAt = now
  const event: EventOf<'run'> = { kind: 'run', id, externalId: null, version, patch }
  const sessionId = values.session_id ?? null
  const sessionName = values.session_name === '' ? null : (values.session_name ?? null)
  const fallback = isCreate ? 'default' : null
  return {
    payload,
    event,
    sessionId,
    sessionName: sessionId === null ? (sessionName ?? fallback) : null,
  }
}

/** @throws LangsmithError 422 for an event that is no object */
function checkEvents(events: JsonText | undefined, loc: (string | number)[]): void {
  if (events === undefined) return
  const i = sliceElements(events).findIndex((event) => !event.startsWith('{'))
  if (i !== -1) throw invalid([...loc, 'events', i], 'Input should be an object', 'type_error')
}

type RunPatch = EventOf<'run'>['patch']

function isGiven<T>(value: T | null | undefined): value is T {
  return value !== null && value !== undefined
}

function payloadPatch(
  fields: ReadonlyMap<string, JsonText>,
  extra: ReadonlyMap<string, JsonText> | null,
  isCreate: boolean,
): RunPatch {
  const patch: RunPatch = {}
  const inputs = fields.get('inputs')
  const outputs = fields.get('outputs')
  const events = fields.get('events')
  const error = fields.get('error')
  const serialized = fields.get('serialized')
  if (inputs !== undefined && (isCreate || !isEmpty(inputs))) patch.inputs = inputs
  if (outputs !== undefined && !isEmpty(outputs)) patch.outputs = outputs
  if (error !== undefined) patch.error = error
  if (events !== undefined && !isEmpty(events)) {
    patch.events = events
    Object.assign(patch, firstTokenPatch(events))
  }
  if (serialized !== undefined) patch.serialized = serialized
  const usage = findUsage(outputs ?? null, extra?.get('metadata') ?? null)
  return usage === null ? patch : Object.assign(patch, usage)
}

/** The members of `extra`; null where there is none. */
function extraMembers(fields: ReadonlyMap<string, JsonText>): Map<string, JsonText> | null {
  const extra = fields.get('extra')
  return extra === undefined ? null : sliceMembers(extra)
}

/**
 * Splits `extra` into metadata, runtime and the rest. Each is a map that merges by key; a value that is no map stays in
 * the rest.
 */
function extraPatch(extra: ReadonlyMap<string, JsonText>, loc: (string | number)[]): RunPatch {
  const rest = jsonMapOf(extra)
  const patch: RunPatch = {}
  for (const name of ['metadata', 'runtime'] as const) {
    const text = rest[name]
    if (text === undefined) continue
    if (text.startsWith('{')) patch[name] = toJsonMap(text)
    if (text.startsWith('{') || text === 'null') delete rest[name]
  }
  if (Object.keys(rest).length > 0) patch.extra = rest
  if (patch.metadata === undefined || patch.metadata === null) return patch
  if (Object.values(patch.metadata).some(hasHugeNumber)) {
    throw invalid([...loc, 'extra', 'metadata'], 'Number out of range')
  }
  const model = stringOf(patch.metadata.ls_model_name)
  return { ...patch, ...threadPatch(patch.metadata), ...(model === null ? {} : { model }) }
}

/** Threads are in an index, which limits the length of their names. */
const maxThreadLength = 500

/** The thread: the first of the three keys that has a value (contracts/langsmith.md 3.7). */
function threadPatch(metadata: JsonMap): RunPatch {
  for (const key of ['session_id', 'conversation_id', 'thread_id']) {
    const text = metadata[key]
    if (text === undefined || text === 'null' || /^[[{]/.test(text)) continue
    return { threadId: (stringOf(text) ?? text).slice(0, maxThreadLength) }
  }
  return {}
}

function stringOf(text: JsonText | undefined): string | null {
  return text?.startsWith('"') ? storableText(JSON.parse(text) as string) : null
}

/** The time of the first event named `new_token` (contracts/langsmith.md 3.5). */
function firstTokenPatch(events: JsonText): RunPatch {
  if (!events.includes('new_token')) return {}
  for (const event of JSON.parse(events) as unknown[]) {
    if (typeof event !== 'object' || event === null || !('name' in event) || !('time' in event))
      continue
    if (event.name !== 'new_token') continue
    const time =
      typeof event.time === 'string' || typeof event.time === 'number'
        ? parseTimestamp(event.time)
        : null
    if (time !== null) return { firstTokenTime: time }
  }
  return {}
}

function isEmpty(text: JsonText): boolean {
  return /^(?:\{\s*\}|\[\s*\])$/.test(text)
}

function runIdOf({ id, fields }: RunPayload): string | null {
  return id ?? fields.get('id')?.replaceAll('"', '').slice(0, 100) ?? null
}

function distinct(values: (string | null)[]): string[] {
  return [...new Set(values.filter((value) => value !== null))]
}
