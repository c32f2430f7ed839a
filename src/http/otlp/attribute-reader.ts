import { jsonOfString } from '../../domain/embedded-json.ts'
import type { JsonMap, JsonText } from '../../domain/entities.ts'
import { storableText } from '../../domain/ids.ts'
import { hasHugeNumber, isTooDeep, jsonbText, toJsonMap } from '../../domain/json.ts'
import { attributeKeys, metadataKeys, type AttributeField } from './attributes.ts'
import type { Attributes, AttributeValue, Span, SpanEvent } from './decode.ts'
import { choiceOf, hasNoPart, messagesOf } from './messages.ts'
import { nest } from './nested-keys.ts'
import { readPythonRepr } from './python-repr.ts'
import { roleOf, valueOfEvents } from './span-events.ts'

/**
 * Reads the fields of one span, by the table in attributes.ts. It remembers what was read, so the attributes that no
 * field used are known once all fields are read.
 */
export interface AttributeReader {
  /**
   * The first value among the keys of the field. null, "" and empty lists and objects count as no value, and empty
   * JSON in a string counts where no other key has a value.
   */
  find(field: AttributeField): AttributeValue
  /** That value as text fit for a column; null when there is none. */
  text(field: AttributeField): string | null
  /** That value as text short enough for an index; null when there is none. */
  name(field: AttributeField): string | null
  /** That value as JSON; a string that holds JSON becomes that JSON. null when there is no value, or it is `null`. */
  json(field: AttributeField): JsonText | null
  /**
   * The first number among the keys of the field that is not negative; null when there is none.
   * @param isTold false for one that says nothing, given the key of the table
   */
  number(field: AttributeField, isTold?: (number: number, key: string) => boolean): number | null
  /** The key of the table that gave the field its value. */
  keyOf(field: AttributeField): string | null
  /** An attribute by its own key, which then counts as used. */
  take(key: string): AttributeValue
  /** An attribute by its own key, which does not count as used by that. */
  peek(key: string): AttributeValue
  /** The metadata of the observation or of the trace, member by member. */
  metadata(of: keyof typeof metadataKeys): JsonMap
  /** Events that gave no field its value. */
  otherEvents(): SpanEvent[]
  /**
   * Attributes that no field used. One that repeats the value of its field under another key is left out, and so is
   * empty JSON.
   * @param isKnown true to return only those that belong to a field or to Langfuse
   */
  leftOver(isKnown: boolean): Map<string, AttributeValue>
}

export function readAttributes(span: Span): AttributeReader {
  const { attributes } = span
  const candidates = candidatesOf(span)
  const found = new Map<AttributeField, { source: Source; value: AttributeValue }>()
  const taken = new Set<string>()
  const parsed = new Map<string, unknown>()
  const reprs = new Map<string, unknown>()

  function valueOf({ kind, name, path }: Source): AttributeValue {
    switch (kind) {
      case 'plain':
        return attributes.get(name) ?? null
      case 'below':
        return nest(entriesBelow(attributes, name).filter(([key]) => !sourcesOfKey.has(name + key)))
      case 'member':
        return memberOf(name, path)
      case 'rest':
        return restAfter(path[0]!, attributes.get(name) ?? null)
      case 'resource':
        return span.resource.get(name) ?? null
      case 'event':
        return valueOfEvents(span.events, name, path)
      case 'messages':
        return messagesOf(jsonOf(name))
      case 'choice':
        return choiceOf(jsonOf(name))
    }
  }

  /** Parses the JSON in an attribute, once. */
  function jsonOf(key: string): unknown {
    if (!parsed.has(key)) parsed.set(key, parse(attributes.get(key) ?? null))
    return parsed.get(key)
  }

  /** Reads the text of a Python object, once. */
  function reprOf(text: string): unknown {
    if (!reprs.has(text)) reprs.set(text, readPythonRepr(text))
    return reprs.get(text)
  }

  /** Follows a path through JSON in an attribute, and through texts of Python objects in it or instead of it. */
  function memberOf(key: string, path: readonly string[]): AttributeValue {
    let value = jsonOf(key) ?? attributes.get(key)
    for (const name of path) {
      if (typeof value === 'string') value = reprOf(value)
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return null
      value = (value as Record<string, unknown>)[name]
    }
    return (value ?? null) as AttributeValue
  }

  function find(field: AttributeField): AttributeValue {
    const known = found.get(field)
    if (known !== undefined) return known.value
    let empty: { source: Source; value: AttributeValue } | null = null
    for (const source of candidates.get(field) ?? []) {
      const value = valueOf(source)
      // Spring AI's word for no answer.
      if (isNothing(value) || (field === 'model' && value === 'none')) continue
      if (!isEmptyJson(value)) {
        found.set(field, { source, value })
        return value
      }
      empty ??= { source, value }
    }
    if (empty === null) return null
    found.set(field, empty)
    return empty.value
  }

  function number(
    field: AttributeField,
    isTold?: (number: number, key: string) => boolean,
  ): number | null {
    for (const source of candidates.get(field) ?? []) {
      const value = valueOf(source)
      if (typeof value !== 'number' && typeof value !== 'string') continue
      const number = value === '' ? Number.NaN : Number(value)
      if (!Number.isFinite(number) || number < 0 || isTold?.(number, source.key) === false) continue
      found.set(field, { source, value })
      return number
    }
    return null
  }

  /** True when a field shows the value of the attribute, or there is nothing to show. */
  function isShown(key: string, value: AttributeValue, fields: readonly AttributeField[]): boolean {
    if (taken.has(key) || isReadElsewhere(key, fields)) return true
    if (fields.length > 0 && isEmptyJson(value)) return true
    return fields.some((field) => {
      const winner = found.get(field)
      if (winner === undefined) return false
      const { kind, name } = winner.source
      if (kind === 'below' && key.startsWith(name) && !sourcesOfKey.has(key)) return true
      const isWinner = kind === 'plain' || kind === 'messages' || kind === 'choice'
      return (isWinner && name === key) || sameValue(winner.value, value)
    })
  }

  return {
    find,
    number,
    text: (field) => textOf(find(field)),
    name: (field) => nameOf(textOf(find(field))),
    json: (field) => {
      const value = find(field)
      const text = value === null ? 'null' : jsonOfValue(value)
      return text === 'null' ? null : text
    },
    keyOf: (field) => found.get(field)?.source.key ?? null,
    take: (key) => {
      taken.add(key)
      return attributes.get(key) ?? null
    },
    peek: (key) => attributes.get(key) ?? null,
    metadata: (of) => readMetadata(attributes, metadataKeys[of]),
    otherEvents: () => {
      if (span.events.length === 0) return []
      const patterns = [...found.values()]
        .map(({ source }) => source)
        .filter(({ kind, name }) => kind === 'event' && name.startsWith('gen_ai.'))
      return span.events.filter(
        ({ name }) => !patterns.some((source) => roleOf(name, source.name) !== null),
      )
    },
    leftOver: (isKnown) =>
      new Map(
        [...attributes].filter(([key, value]) => {
          const fields = fieldsOf(key)
          const isAsked = !isKnown || fields.length > 0 || key.startsWith('langfuse.')
          return isAsked && !isShown(key, value, fields)
        }),
      ),
  }
}

/** A key of the table, taken apart. */
interface Source {
  field: AttributeField
  key: string
  /** Its place among the keys of the field. */
  rank: number
  kind: 'plain' | 'below' | 'member' | 'rest' | 'resource' | 'event' | 'messages' | 'choice'
  /** The attribute, the prefix of attributes, or the name of the event. */
  name: string
  /** The path of a member, the start that is cut off, or the attribute of the event. */
  path: string[]
}

const sources = Object.entries(attributeKeys).flatMap(([field, keys]) =>
  keys.map((key, rank) => readSource(field as AttributeField, rank, key)),
)

function readSource(field: AttributeField, rank: number, key: string): Source {
  const source = { field, key, rank, path: [] }
  const prefixed = /^(resource|event|messages|choice):([^#]*)(?:#(.*))?$/.exec(key)
  if (prefixed !== null) {
    const [, kind, name = '', attribute] = prefixed
    const path = attribute === undefined ? [] : [attribute]
    return { ...source, kind: kind as Source['kind'], name, path }
  }
  if (key.endsWith('.*')) return { ...source, kind: 'below', name: key.slice(0, -1) }
  const [before = '', start] = key.split('^')
  if (start !== undefined) return { ...source, kind: 'rest', name: before, path: [start] }
  const [name = '', path] = key.split('#')
  return path === undefined
    ? { ...source, kind: 'plain', name }
    : { ...source, kind: 'member', name, path: path.split('.') }
}

const sourcesOfResource = sources.filter(({ kind }) => kind === 'resource')
const sourcesOfEvents = sources.filter(({ kind }) => kind === 'event')
const sourcesBelow = groupBy(
  sources.filter(({ kind }) => kind === 'below'),
  ({ name }) => name,
)
const sourcesOfKey = groupBy(
  sources.filter(({ kind }) => !['resource', 'event', 'below'].includes(kind)),
  ({ name }) => name,
)

/**
 * Returns the sources that a span may have, in the order in which they win. It looks at the few attributes of the
 * span instead of the hundreds of keys of the table.
 */
function candidatesOf(span: Span): Map<AttributeField, Source[]> {
  const candidates = new Set<Source>()
  const add = (found: readonly Source[] | undefined): void => {
    for (const source of found ?? []) candidates.add(source)
  }
  for (const key of span.attributes.keys()) {
    add(sourcesOfKey.get(key))
    for (const prefix of prefixesOf(key)) add(sourcesBelow.get(prefix))
  }
  if (span.resource.size > 0) add(sourcesOfResource)
  if (span.events.length > 0) add(sourcesOfEvents)
  const byField = groupBy(candidates, ({ field }) => field)
  for (const list of byField.values()) if (list.length > 1) list.sort((a, b) => a.rank - b.rank)
  return byField
}

function groupBy<K, V>(values: Iterable<V>, keyOf: (value: V) => K): Map<K, V[]> {
  const groups = new Map<K, V[]>()
  for (const value of values) {
    const key = keyOf(value)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [value])
    else group.push(value)
  }
  return groups
}

function prefixesOf(key: string): string[] {
  const prefixes: string[] = []
  for (let i = key.indexOf('.'); i !== -1 && i < key.length - 1; i = key.indexOf('.', i + 1)) {
    prefixes.push(key.slice(0, i + 1))
  }
  return prefixes
}

/** The fields that may show the whole value of an attribute. */
function fieldsOf(key: string): AttributeField[] {
  const own = (sourcesOfKey.get(key) ?? []).filter(
    ({ kind }) => kind !== 'member' && kind !== 'rest',
  )
  const below = prefixesOf(key).flatMap((prefix) => sourcesBelow.get(prefix) ?? [])
  return [...own, ...below].map(({ field }) => field)
}

const allMetadataKeys = Object.values(metadataKeys).flat()

/** True for what is shown apart from the span's own fields: metadata, and what is read of experiments and of LangSmith. */
function isReadElsewhere(key: string, fields: readonly AttributeField[]): boolean {
  return (
    fields.some((field) => /^(?:experiment|dataset|item|langsmith)/.test(field)) ||
    allMetadataKeys.some((own) => key === own || key.startsWith(`${own}.`))
  )
}

function parse(value: AttributeValue): unknown {
  if (typeof value !== 'string') return value
  if (!/^\s*[[{]/.test(value) || isTooDeep(value)) return null
  try {
    return JSON.parse(value)
  } catch {
    return null
  }
}

function restAfter(start: string, value: AttributeValue): AttributeValue {
  return typeof value === 'string' && value.startsWith(start) ? value.slice(start.length) : null
}

function isNothing(value: AttributeValue): boolean {
  if (value === null || value === '') return true
  return typeof value === 'object' && Object.keys(value).length === 0
}

/** True for JSON in a string that holds nothing, or messages without a single part. */
function isEmptyJson(value: AttributeValue): boolean {
  if (typeof value !== 'string' || value.length > 300) return false
  if (/^\s*(?:\{\s*\}|\[\s*\]|""|null)\s*$/.test(value)) return true
  return /"parts":\s*\[\s*\]/.test(value) && hasNoPart(parse(value))
}

function sameValue(one: AttributeValue, other: AttributeValue): boolean {
  return (
    one === other ||
    (typeof one === 'object' &&
      typeof other === 'object' &&
      JSON.stringify(one) === JSON.stringify(other))
  )
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
  const entries: [string, AttributeValue][] = []
  for (const [key, value] of attributes) {
    if (key.length > prefix.length && key.startsWith(prefix)) {
      entries.push([key.slice(prefix.length), value])
    }
  }
  return entries
}
