import type { JsonText } from '../../../domain/entities.ts'
import { eventVersion, type EventOf } from '../../../domain/events.ts'
import { hasHugeNumber } from '../../../domain/json.ts'
import { fromEpochMs, toEpochMs, type Timestamp } from '../../../domain/timestamp.ts'
import { invalidRequest } from '../errors.ts'
import { metadataMembers } from '../stored-json.ts'

/** What orders an event among the events of its row. */
export interface EventOrigin {
  rank: 'create' | 'update'
  /** The time in the envelope. */
  time: Timestamp
  /** Everything that was sent, to tell events of one instant apart. */
  content: string
  /** When the event was received. */
  now: Timestamp
  /** What another server says of the thing, where a key of the scope `admin` imports it. */
  imported?: ImportedTimes
}

/** Times that only an import sets: everybody else's are those at which the server wrote. */
export interface ImportedTimes {
  createdAt: Timestamp
  updatedAt: Timestamp
  /** Of a score, whose other bodies have it in the envelope. */
  timestamp?: Timestamp | undefined
}

/** When the thing was written: here, or on the server that it comes from. */
export function writtenAt({
  now,
  imported,
}: EventOrigin): Record<'createdAt' | 'updatedAt', Timestamp> {
  return { createdAt: imported?.createdAt ?? now, updatedAt: imported?.updatedAt ?? now }
}

type PayloadPatch = Pick<EventOf<'run'>['patch'], 'inputs' | 'outputs'>

/** `input` and `output`, each either firm or weak. */
export interface Payloads {
  firm: PayloadPatch
  /** `0`, `false`, `{}` and `[]` are stored only where there is nothing yet (contracts/langfuse.md 3.2). */
  weak: PayloadPatch
}

/** Null and the empty string count as absent. @param members the JSON text of each field of a body */
export function readPayloads(members: ReadonlyMap<string, JsonText>): Payloads {
  const payloads: Payloads = { firm: {}, weak: {} }
  const input = members.get('input') ?? 'null'
  const output = members.get('output') ?? 'null'
  if (!/^(?:null|"")$/.test(input)) {
    ;(isWeak(input) ? payloads.weak : payloads.firm).inputs = input
  }
  if (!/^(?:null|"")$/.test(output)) {
    ;(isWeak(output) ? payloads.weak : payloads.firm).outputs = output
  }
  return payloads
}

function isWeak(text: JsonText): boolean {
  return /^(?:false|-?0(?:\.0*)?(?:[eE][+-]?\d+)?|\{\s*\}|\[\s*\])$/.test(text)
}

/** A version older than that of any real event, so that all of those win. Weak versions keep their own order. */
export function weakVersion({ time, content }: EventOrigin): string {
  return eventVersion('create', fromEpochMs(toEpochMs(time) / 1000) ?? time, content)
}

/** @throws LangfuseError 400 when a number is too large to be stored */
export function metadataPatch(members: ReadonlyMap<string, JsonText>): {
  metadata?: Record<string, JsonText>
} {
  const metadata = metadataMembers(members.get('metadata'))
  if (Object.keys(metadata).length === 0) return {}
  if (Object.values(metadata).some(hasHugeNumber)) {
    throw invalidRequest('metadata: number out of range')
  }
  return { metadata }
}

/** A field whose null clears. */
export function clearable<P extends string, T>(
  property: P,
  value: T | null | undefined,
): { [K in P]?: T | null } {
  return value === undefined ? {} : ({ [property]: value } as { [K in P]?: T | null })
}

/** A field whose null keeps what is stored. */
export function kept<P extends string, T>(
  property: P,
  value: T | null | undefined,
): { [K in P]?: T } {
  return value === null || value === undefined ? {} : ({ [property]: value } as { [K in P]?: T })
}
