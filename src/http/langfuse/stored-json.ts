import { holdsJson } from '../../domain/embedded-json.ts'
import type { JsonMap, JsonText } from '../../domain/entities.ts'
import { jsonbText, RawJson, sliceMembers, toJsonMap } from '../../domain/json.ts'

/*
 * Payloads are stored as they were sent. Clients that trace by OpenTelemetry send JSON inside strings, and expect to
 * read the JSON back (contracts/langfuse.md 3.3): so strings are looked into when they are read.
 */

/** An input, output or metadata value. A string that holds JSON is that JSON; nothing, or nothing in it, is null. */
export function storedJson(text: JsonText | null | undefined): RawJson | null {
  if (text === null || text === undefined || text === 'null') return null
  if (!text.startsWith('"')) return new RawJson(text)
  const plain = JSON.parse(text) as string
  if (plain === '') return null
  return new RawJson(holdsJson(plain) ? plain : text)
}

/** Metadata of a trace, an observation or a score: each member is looked into. */
export function storedMetadata(text: JsonText | null): Record<string, RawJson | null> {
  const members = [...sliceMembers(text ?? '{}')]
  return Object.fromEntries(members.map(([key, value]) => [key, storedJson(value)]))
}

/** Metadata as the map that is stored: what is no object stands under `metadata` (3.2). Null says nothing. */
export function metadataMembers(sent: JsonText | undefined): JsonMap {
  if (sent === undefined || sent === 'null') return {}
  return sent.startsWith('{') ? toJsonMap(sent) : { metadata: jsonbText(sent) }
}
