import { hash } from 'node:crypto'

/** Runmill's UUIDv5 namespace. It must never change: every derived id in every database depends on it. */
const namespace = Buffer.from('8f6f1c1e5a0c4b5e9d0b6a7f3c2d1e40', 'hex')

const canonicalUuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const anyCaseUuid = new RegExp(canonicalUuid.source, 'i')
const hex32 = /^[0-9a-f]{32}$/i

/** True for any version of UUID in 8-4-4-4-12 form, either case. */
export function isUuid(text: string): boolean {
  return anyCaseUuid.test(text)
}

/** Derives a UUIDv5 (RFC 9562) from texts. Each is preceded by its length, so no two lists of texts collide. */
export function deriveId(...texts: string[]): string {
  let named = ''
  for (const text of texts) named += `${Buffer.byteLength(text)}:${text}`
  const mostBytes = namespace.length + named.length * 3
  const bytes = mostBytes <= scratch.length ? scratch : Buffer.concat([namespace], mostBytes)
  const end = namespace.length + bytes.write(named, namespace.length)
  const hex = hash('sha1', bytes.subarray(0, end))
  const variant = '89ab'[Number.parseInt(hex[16]!, 16) & 3]!
  return hexToUuid(`${hex.slice(0, 12)}5${hex.slice(13, 16)}${variant}${hex.slice(17, 32)}`)
}

/** What is hashed begins with the namespace. An id is made in one turn, so all may use these bytes. */
const scratch = Buffer.concat([namespace], 1024)

/** The id that a client gave a thing, and the id that the thing has here. */
export interface ResolvedId {
  /** Canonical lower-case UUID. */
  id: string
  /** The client's spelling when it is not the canonical UUID itself, to be echoed exactly; else null. */
  externalId: string | null
}

export type IdKind =
  | 'run'
  | 'trace'
  | 'example'
  | 'feedback'
  | 'dataset'
  | 'experiment'
  | 'score-config'

/**
 * The id inside of a client's id (architecture.md 4.2): a canonical UUID is itself, 32 hex digits are read as a UUID,
 * any other string becomes a UUIDv5 of (kind, string). Total: every string has an id, and the same string always the
 * same.
 */
export function resolveId(kind: IdKind, clientId: string): ResolvedId {
  if (canonicalUuid.test(clientId)) return { id: clientId, externalId: null }
  const externalId = storableText(clientId)
  if (anyCaseUuid.test(clientId)) return { id: clientId.toLowerCase(), externalId }
  if (hex32.test(clientId)) return { id: hexToUuid(clientId.toLowerCase()), externalId }
  return { id: deriveId(kind, clientId), externalId }
}

/**
 * Derives the id of a run item, so that sending a link again makes the same row (SPEC I2). A link of the same example
 * to another trace or run is another row: a repetition.
 */
export function runItemId(
  experimentId: string,
  exampleId: string,
  traceId: string,
  runId: string | null,
): string {
  return deriveId('run-item', experimentId, exampleId, traceId, runId ?? '')
}

/**
 * Derives the id of an experiment that was created by name in a dataset (or, without a dataset, in the tenant).
 * @param deletions how often an experiment of that name was deleted, so that the next one gets another id
 */
export function experimentId(datasetId: string | null, name: string, deletions: number): string {
  return deriveId('experiment-name', datasetId ?? '', name, String(deletions))
}

/**
 * Makes text fit to be stored. Postgres text cannot hold NUL, and UTF-8 cannot hold a lone surrogate: both become
 * U+FFFD.
 */
export function storableText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\ufffd')
}

function hexToUuid(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** Sorts ids and drops repeats and nulls. This is the order in which every transaction takes its locks. */
export function distinctIds(ids: (string | null)[]): string[] {
  return [...new Set(ids.filter((id) => id !== null))].toSorted()
}
