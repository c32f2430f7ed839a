import type { JsonText } from '../../../domain/entities.ts'
import { eventVersion, type EventOf } from '../../../domain/events.ts'
import { hasHugeNumber, previewOf } from '../../../domain/json.ts'
import { fromEpochMs, toEpochMs, type Timestamp } from '../../../domain/timestamp.ts'
import { invalidRequest } from '../errors.ts'
import { metadataMembers } from '../stored-json.ts'

/** When and as what an event came: where it stands among the events of its row. */
export interface EventOrigin {
  rank: 'create' | 'update'
  /** Envelope time. */
  time: Timestamp
  /** All that was sent, to tell two events of the same instant apart. */
  content: string
  /** When we received it. */
  now: Timestamp
}

type PayloadPatch = Pick<
  EventOf<'run'>['patch'],
  'inputs' | 'inputsPreview' | 'outputs' | 'outputsPreview'
>

/** `input` and `output`, sorted by what they may replace. */
export interface Payloads {
  firm: PayloadPatch
  /** `0`, `false`, `{}` and `[]` never replace anything (contracts/langfuse.md 3.2), and are better than nothing. */
  weak: PayloadPatch
}

/** null and the empty string say nothing. @param members JSON text per field of a body */
export function readPayloads(members: ReadonlyMap<string, JsonText>): Payloads {
  const payloads: Payloads = { firm: {}, weak: {} }
  const input = members.get('input') ?? 'null'
  const output = members.get('output') ?? 'null'
  if (!/^(?:null|"")$/.test(input)) {
    Object.assign(isWeak(input) ? payloads.weak : payloads.firm, {
      inputs: input,
      inputsPreview: previewOf(input),
    })
  }
  if (!/^(?:null|"")$/.test(output)) {
    Object.assign(isWeak(output) ? payloads.weak : payloads.firm, {
      outputs: output,
      outputsPreview: previewOf(output),
    })
  }
  return payloads
}

function isWeak(text: JsonText): boolean {
  return /^(?:false|-?0(?:\.0*)?(?:[eE][+-]?\d+)?|\{\s*\}|\[\s*\])$/.test(text)
}

/** Older than any event of our days, in the order of their milliseconds: every other event wins over it. */
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
