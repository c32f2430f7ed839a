import { z } from 'zod'
import type { JsonText } from '../../../domain/entities.ts'
import type { IngestEvent } from '../../../domain/events.ts'
import { deriveId, isUuid, resolveId } from '../../../domain/ids.ts'
import { sliceMembers } from '../../../domain/json.ts'
import {
  scoreConfigListAmong,
  type ScoreConfigRow,
} from '../../../store/read/feedback/score-configs.ts'
import { isAllowed, type Principal } from '../../auth.ts'
import type { Services } from '../../services.ts'
import { LangfuseError } from '../errors.ts'
import { strictInstant } from '../requests.ts'
import { envelope, readBody, type ReadBody } from './ingestion-events.ts'
import { observationToEvents } from './observation-to-event.ts'
import type { EventOrigin, ImportedTimes } from './payload-patch.ts'
import { scoreToEvent } from './score-to-event.ts'
import { traceToEvents } from './trace-to-event.ts'

/** What the answer says of one event. */
export interface EventResult {
  /** The id of the event as it was sent, or `unknown`. */
  id: string
  status: number
  message?: string
  error?: string
}

export interface TranslatedBatch {
  events: IngestEvent[]
  successes: EventResult[]
  errors: EventResult[]
  /** True for a few scores and nothing else: their sender expects to read them at once (SPEC I9). */
  isInteractive: boolean
}

/** SDKs send at most so many scores at once (contracts/langfuse.md 5.5). More is an import, which can wait. */
export const maxInteractive = 100

/** The name of the project for traces and observations: Langfuse's clients name none. */
export const defaultProject = 'default'

interface ReadEvent {
  /** The id in the envelope. */
  id: string
  read: Exclude<ReadBody, { kind: 'log' }>
  /** The JSON text of each field of the body. */
  members: ReadonlyMap<string, JsonText>
  origin: EventOrigin
}

/**
 * Translates a batch (contracts/langfuse.md 2.7). Bad events are refused without affecting the others. The order of
 * events does not matter, because their times decide.
 * @param batch the events as values
 * @param texts the JSON text of each event
 */
export async function translateBatch(
  { db, clock, experimentIds }: Services,
  principal: Principal,
  batch: readonly unknown[],
  texts: readonly JsonText[],
): Promise<TranslatedBatch> {
  const { tenantId } = principal
  const now = clock.now()
  const may = { write: isAllowed(principal, 'write'), import: isAllowed(principal, 'admin') }
  const result: TranslatedBatch = { events: [], successes: [], errors: [], isInteractive: false }
  const accepted: ReadEvent[] = []
  for (const [i, value] of batch.entries()) {
    const event = settle(result, idOf(value), () => readEvent(value, texts[i]!, may, now))
    if (event) accepted.push(event)
  }
  const configs = await scoreConfigListAmong(db, tenantId, configIdsOf(accepted))
  const isScores = accepted.every(({ read }) => read.kind === 'score')
  result.isInteractive = isScores && accepted.length <= maxInteractive
  const experimentId = isScores
    ? ''
    : (await experimentIds.resolveNames(tenantId, [defaultProject], now)).get(defaultProject)!
  for (const event of accepted) {
    const events = settle(result, event.id, () => toEvents(event, configs, experimentId))
    if (events === undefined) continue
    result.events.push(...events)
    result.successes.push({ id: event.id, status: 201 })
  }
  return result
}

/** Runs one step for one event. When the step refuses the event, adds that to the errors. */
function settle<T>(result: TranslatedBatch, id: string, step: () => T): T | undefined {
  try {
    return step()
  } catch (error) {
    if (error instanceof z.ZodError) result.errors.push(invalid(id, JSON.stringify(error.issues)))
    else if (!(error instanceof LangfuseError)) throw error
    else if (error.status === 400) result.errors.push(invalid(id, error.message))
    else
      result.errors.push({
        id,
        status: error.status,
        message: 'Authentication error',
        error: error.message,
      })
    return undefined
  }
}

function invalid(id: string, error: string): EventResult {
  return { id, status: 400, message: 'Invalid request data', error }
}

/**
 * @returns null for an event that is accepted and dropped
 * @throws ZodError, LangfuseError 401 when the key may only send scores
 */
function readEvent(
  value: unknown,
  text: JsonText,
  may: { write: boolean; import: boolean },
  now: string,
): ReadEvent | null {
  const { id, type, timestamp, body } = envelope.parse(value)
  const read = readBody(type, body)
  if (read.kind === 'log') return null
  if (!may.write && read.kind !== 'score') throw new LangfuseError(401, 'Access Scope Denied', null)
  const members = sliceMembers(sliceMembers(text).get('body')!)
  const origin = { rank: read.rank, time: timestamp, content: text, now }
  const imported = may.import ? importedTimes.safeParse(body).data : undefined
  return imported !== undefined
    ? { id, read, members, origin: { ...origin, imported } }
    : { id, read, members, origin }
}

/** What the body of an event has beside its own fields, where a key of the scope `admin` imports it. */
const importedTimes: z.ZodType<ImportedTimes> = z.object({
  createdAt: strictInstant,
  updatedAt: strictInstant,
  timestamp: strictInstant.optional(),
})

/** @throws LangfuseError 400, ZodError */
function toEvents(
  { id: eventId, read, members, origin }: ReadEvent,
  configs: ReadonlyMap<string, ScoreConfigRow>,
  experimentId: string,
): IngestEvent[] {
  const id = read.body.id || idOfCreate(eventId, origin)
  switch (read.kind) {
    case 'trace':
      return traceToEvents(id, read.body, members, experimentId, origin)
    case 'observation':
      return observationToEvents(id, read.type, read.body, members, experimentId, origin)
    case 'score':
      return [
        scoreToEvent(id, read.body, members, configs.get(configKey(read.body.configId)), origin),
      ]
  }
}

/**
 * The id for a create that names none. It is derived from the event's id, so that a repeat makes no other row. Langfuse
 * would report such an event as stored, and drop it (contracts/langfuse.md 2.7).
 * @throws ZodError for an update, which must name what it updates
 */
function idOfCreate(eventId: string, { rank }: EventOrigin): string {
  if (rank === 'create') return deriveId('ingestion-event', eventId)
  throw new z.ZodError([
    { code: 'custom', path: ['body', 'id'], message: 'An update needs the id of what it updates' },
  ])
}

function idOf(value: unknown): string {
  const isObject = typeof value === 'object' && value !== null && 'id' in value
  return isObject && typeof value.id === 'string' && value.id !== '' ? value.id : 'unknown'
}

function configIdsOf(events: ReadEvent[]): string[] {
  const ids = events.flatMap(({ read }) => (read.kind === 'score' ? [read.body.configId] : []))
  return [...new Set(ids.map(configKey).filter(isUuid))]
}

/** The id by which a config is looked up; empty where a score names none. */
export function configKey(configId: string | null | undefined): string {
  return configId ? resolveId('score-config', configId).id : ''
}
