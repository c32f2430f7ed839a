import { holdsJson } from '../../domain/embedded-json.ts'
import type { JsonMap, JsonText } from '../../domain/entities.ts'
import { jsonbText, sliceMembers, toJsonMap } from '../../domain/json.ts'
import { RawJson } from '../../domain/raw-json.ts'

/*
 * Payloads are stored as they were sent. Clients that trace by OpenTelemetry send JSON inside strings and expect to
 * read the JSON back, so reads unpack such strings (contracts/langfuse.md 3.3).
 */

/** An input or output as it is read. A string that holds JSON becomes that JSON; an empty string is null. */
export function storedJson(text: JsonText | null | undefined): RawJson | null {
  return text === '""' ? null : storedMember(text)
}

/** A value of metadata as it is read. A string that holds JSON becomes that JSON; an empty string is data. */
export function storedMember(text: JsonText | null | undefined): RawJson | null {
  if (text === null || text === undefined || text === 'null') return null
  if (!text.startsWith('"')) return new RawJson(text)
  const plain = JSON.parse(text) as string
  return new RawJson(holdsJson(plain) ? plain : text)
}

/** Metadata of a trace, an observation or a score as they are read: each member by `storedMember`. */
export function storedMetadata(text: JsonText | null): Record<string, RawJson | null> {
  const members = [...sliceMembers(text ?? '{}')]
  return Object.fromEntries(members.map(([key, value]) => [key, storedMember(value)]))
}

/**
 * Metadata as they are stored. A value that is not an object is wrapped as `{metadata: value}`
 * (contracts/langfuse.md 3.2).
 */
export function metadataMembers(sent: JsonText | undefined): JsonMap {
  if (sent === undefined || sent === 'null') return {}
  return sent.startsWith('{') ? toJsonMap(sent) : { metadata: jsonbText(sent) }
}
