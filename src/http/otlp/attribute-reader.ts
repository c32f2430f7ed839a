import { jsonOfString } from '../../domain/embedded-json.ts'
import type { JsonMap, JsonText } from '../../domain/entities.ts'
import { storableText } from '../../domain/ids.ts'
import { hasHugeNumber, jsonbText, toJsonMap } from '../../domain/json.ts'
import { attributeKeys, metadataKeys, type AttributeField } from './attributes.ts'
import type { Attributes, AttributeValue, Span } from './decode.ts'

/** Reads the fields of one span by the table in attributes.ts. */
export interface AttributeReader {
  /** The first value there is; null, "" and {} are none. */
  find(field: AttributeField): AttributeValue
  /** The same as text fit for a column; null when there is none. */
  text(field: AttributeField): string | null
  /** The same as a name: text fit for an index. */
  name(field: AttributeField): string | null
  /** The same as JSON, where a string that holds JSON is that JSON; null when there is none, or it is `null`. */
  json(field: AttributeField): JsonText | null
  /** The members of metadata. */
  metadata(of: keyof typeof metadataKeys): JsonMap
  /** Attributes that none of the fields is about. */
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

/** Text fit for a column; what is no string is JSON. */
export function textOf(value: AttributeValue): string | null {
  if (isNothing(value)) return null
  return storableText(typeof value === 'string' ? value : JSON.stringify(value))
}

/** Langfuse's longest ids, and short enough for an index of Postgres. */
const maxNameLength = 800

function nameOf(text: string | null): string | null {
  return text === null ? null : storableText(text.slice(0, maxNameLength))
}

export function jsonOfValue(value: AttributeValue): JsonText {
  return typeof value === 'string' ? jsonOfString(value) : JSON.stringify(value)
}

/** JSON for a `jsonb` column: a number that it cannot hold makes the whole value a string. */
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

/** What is no object stands under `metadata` (contracts/langfuse.md 3.2). */
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

/** Parts of a dotted key; what is deeper stays one key. */
const maxParts = 32

interface Tree {
  value: AttributeValue
  children: Map<string, Tree>
}

/** `0.role`, `0.content`, `1.role` … become a list of objects. @returns null when there are no entries */
function nest(entries: [string, AttributeValue][]): AttributeValue {
  if (entries.length === 0) return null
  const root: Tree = { value: null, children: new Map() }
  for (const [key, value] of entries) {
    const parts = key.split('.')
    const path =
      parts.length <= maxParts
        ? parts
        : [...parts.slice(0, maxParts - 1), parts.slice(maxParts - 1).join('.')]
    let tree = root
    for (const part of path) {
      let child = tree.children.get(part)
      if (child === undefined)
        tree.children.set(part, (child = { value: null, children: new Map() }))
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

/** Langfuse's own keys are never shown as they are (contracts/langfuse.md 2.8). */
function isKnown(key: string): boolean {
  return (
    knownKeys.has(key) ||
    key.startsWith('langfuse.') ||
    knownPrefixes.some((prefix) => key.startsWith(prefix))
  )
}
