import { jsonOfString } from '../../domain/embedded-json.ts'
import type { JsonMap, JsonText } from '../../domain/entities.ts'
import { storableText } from '../../domain/ids.ts'
import { hasHugeNumber, jsonbText, toJsonMap } from '../../domain/json.ts'
import { attributeKeys, metadataKeys, type AttributeField } from './attributes.ts'
import type { Attributes, AttributeValue, Span } from './decode.ts'

/** Reads the fields of one span, by the table in attributes.ts. */
export interface AttributeReader {
  /** The first value among the keys of the field. null, "" and empty lists and objects count as no value. */
  find(field: AttributeField): AttributeValue
  /** That value as text fit for a column; null when there is none. */
  text(field: AttributeField): string | null
  /** That value as text short enough for an index; null when there is none. */
  name(field: AttributeField): string | null
  /** That value as JSON; a string that holds JSON becomes that JSON. null when there is no value, or it is `null`. */
  json(field: AttributeField): JsonText | null
  /** The metadata of the observation or of the trace, member by member. */
  metadata(of: keyof typeof metadataKeys): JsonMap
  /** Attributes that belong to no field. */
  leftOver(): Map<string, AttributeValue>
}

export function readAttributes(span: Span): AttributeReader {
  function find(field: AttributeField): AttributeValue {
    for (const key of attributeKeys[field]) {
      const value = valueOf(span, key)
      if (!isNothing(value)) return value
    }
    return null
  }

  return {
    find,
    text: (field) => textOf(find(field)),
    name: (field) => nameOf(textOf(find(field))),
    json: (field) => {
      const value = find(field)
      const text = value === null ? 'null' : jsonOfValue(value)
      return text === 'null' ? null : text
    },
    metadata: (of) => readMetadata(span.attributes, metadataKeys[of]),
    leftOver: () => new Map([...span.attributes].filter(([key]) => !isKnown(key))),
  }
}

function valueOf(span: Span, key: string): AttributeValue {
  if (key.startsWith('resource:')) return span.resource.get(key.slice('resource:'.length)) ?? null
  if (key.startsWith('event:')) return valueOfEvents(span, key.slice('event:'.length))
  return key.endsWith('.*')
    ? nest(entriesBelow(span.attributes, key.slice(0, -1)))
    : (span.attributes.get(key) ?? null)
}

function valueOfEvents(span: Span, key: string): AttributeValue {
  if (span.events.length === 0) return null
  const [name = '', attribute] = key.split('#')
  const [before = '', after = null] = name.split('*')
  const events = span.events.filter((event) =>
    after === null
      ? event.name === name
      : event.name.startsWith(before) && event.name.endsWith(after),
  )
  if (events.length === 0) return null
  if (attribute !== undefined) {
    return (
      events.find((event) => event.attributes.has(attribute))?.attributes.get(attribute) ?? null
    )
  }
  return events.map((event) => ({
    ...(after === null ? {} : { role: event.name.slice(before.length, -after.length) }),
    ...Object.fromEntries(event.attributes),
  }))
}

function isNothing(value: AttributeValue): boolean {
  if (value === null || value === '') return true
  return typeof value === 'object' && Object.keys(value).length === 0
}

/** Returns text fit for a column. A value that is not a string becomes JSON. */
export function textOf(value: AttributeValue): string | null {
  if (isNothing(value)) return null
  return storableText(typeof value === 'string' ? value : JSON.stringify(value))
}

/** The length of Langfuse's longest ids, and short enough for an index of Postgres. */
const maxNameLength = 800

function nameOf(text: string | null): string | null {
  return text === null ? null : storableText(text.slice(0, maxNameLength))
}

export function jsonOfValue(value: AttributeValue): JsonText {
  return typeof value === 'string' ? jsonOfString(value) : JSON.stringify(value)
}

/** Returns JSON for a `jsonb` column. A number that `jsonb` cannot hold turns the whole value into a string. */
export function metadataValue(value: AttributeValue): JsonText {
  const text = jsonbText(jsonOfValue(value))
  return hasHugeNumber(text) ? JSON.stringify(text) : text
}

function readMetadata(attributes: Attributes, prefixes: readonly string[]): JsonMap {
  const members = new Map<string, JsonText>()
  for (const prefix of prefixes) {
    for (const [key, text] of Object.entries(wholeMetadata(attributes.get(prefix) ?? null))) {
      if (!members.has(key)) members.set(key, text)
    }
    for (const [key, value] of entriesBelow(attributes, `${prefix}.`)) {
      if (!members.has(key)) members.set(storableText(key), metadataValue(value))
    }
  }
  return Object.fromEntries(members)
}

/** Metadata that is not an object becomes the member `metadata` of one (contracts/langfuse.md 3.2). */
function wholeMetadata(value: AttributeValue): JsonMap {
  if (isNothing(value)) return {}
  const text = metadataValue(value)
  if (text === 'null') return {}
  return text.startsWith('{') ? toJsonMap(text) : { metadata: text }
}

function entriesBelow(attributes: Attributes, prefix: string): [string, AttributeValue][] {
  return [...attributes]
    .filter(([key]) => key.startsWith(prefix) && key.length > prefix.length)
    .map(([key, value]) => [key.slice(prefix.length), value])
}

/** How many segments of a dotted key are read as a path. What lies deeper stays one key. */
const maxSegments = 32

interface Tree {
  value: AttributeValue
  children: Map<string, Tree>
}

/**
 * Turns dotted keys into a value: `0.role`, `0.content`, `1.role` … become a list of objects.
 * @returns null when there are no entries
 */
function nest(entries: [string, AttributeValue][]): AttributeValue {
  if (entries.length === 0) return null
  const root: Tree = { value: null, children: new Map() }
  for (const [key, value] of entries) {
    const segments = key.split('.')
    const path =
      segments.length <= maxSegments
        ? segments
        : [...segments.slice(0, maxSegments - 1), segments.slice(maxSegments - 1).join('.')]
    let tree = root
    for (const segment of path) {
      let child = tree.children.get(segment)
      if (child === undefined)
        tree.children.set(segment, (child = { value: null, children: new Map() }))
      tree = child
    }
    tree.value = value
  }
  return valueOfTree(root)
}

function valueOfTree({ value, children }: Tree): AttributeValue {
  if (children.size === 0) return value
  const keys = [...children.keys()]
  if (keys.every((key) => /^\d+$/.test(key))) {
    return keys
      .toSorted((a, b) => Number(a) - Number(b))
      .map((key) => valueOfTree(children.get(key)!))
  }
  return Object.fromEntries(keys.map((key) => [key, valueOfTree(children.get(key)!)]))
}

const keysOfSpan = [
  ...Object.values(attributeKeys).flat(),
  ...Object.values(metadataKeys).flatMap((keys) => keys.flatMap((key) => [key, `${key}.*`])),
].filter((key) => !/^(?:resource|event):/.test(key))
const knownKeys = new Set(keysOfSpan.filter((key) => !key.endsWith('.*')))
const knownPrefixes = keysOfSpan.filter((key) => key.endsWith('.*')).map((key) => key.slice(0, -1))

/**
 * True for keys that a field reads, and for all keys of Langfuse, which are never shown as they are
 * (contracts/langfuse.md 2.8.2).
 */
function isKnown(key: string): boolean {
  return (
    knownKeys.has(key) ||
    key.startsWith('langfuse.') ||
    knownPrefixes.some((prefix) => key.startsWith(prefix))
  )
}
