import { jsonOfString } from '../../domain/embedded-json.ts'
import type { JsonMap, JsonText } from '../../domain/entities.ts'
import { storableText } from '../../domain/ids.ts'
import { hasHugeNumber, isTooDeep, jsonbText, toJsonMap } from '../../domain/json.ts'
import type { AttributeField, metadataKeys } from './attributes.ts'
import type { Attributes, AttributeValue, Span, SpanEvent } from './decode.ts'
import { keyPlanOf, type KeyUse, type MetadataPlan, type Source } from './key-plan.ts'
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

const none: readonly never[] = []

export function readAttributes(span: Span): AttributeReader {
  const { attributes } = span
  const plan = keyPlanOf(span)
  const found = new Map<AttributeField, { source: Source; value: AttributeValue }>()
  const taken = new Set<string>()
  const parsed = new Map<string, unknown>()
  const reprs = new Map<string, unknown>()

  function valueOf({ kind, name, path }: Source): AttributeValue {
    switch (kind) {
      case 'plain':
        return attributes.get(name) ?? null
      case 'below':
        return nest(entriesOf(attributes, plan.below.get(name) ?? none, name))
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

  /** As `jsonOfValue`. An object or a list in a string may be parsed already, or will be, for one of its members. */
  function jsonOfFound(value: AttributeValue, { kind, name }: Source): JsonText {
    if (kind !== 'plain' || typeof value !== 'string' || !startsWithBracket.test(value)) {
      return jsonOfValue(value)
    }
    return jsonOf(name) === null ? JSON.stringify(value) : value.trim()
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
    for (const source of plan.sources.get(field) ?? none) {
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
    for (const source of plan.sources.get(field) ?? none) {
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
  function isShown(
    { key, fields, isOwn, isReadElsewhere }: KeyUse,
    value: AttributeValue,
  ): boolean {
    if (isReadElsewhere || taken.has(key)) return true
    if (fields.length > 0 && isEmptyJson(value)) return true
    return fields.some((field) => {
      const winner = found.get(field)
      if (winner === undefined) return false
      const { kind, name } = winner.source
      if (kind === 'below' && key.startsWith(name) && !isOwn) return true
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
      const text = value === null ? 'null' : jsonOfFound(value, found.get(field)!.source)
      return text === 'null' ? null : text
    },
    keyOf: (field) => found.get(field)?.source.key ?? null,
    take: (key) => {
      taken.add(key)
      return attributes.get(key) ?? null
    },
    peek: (key) => attributes.get(key) ?? null,
    metadata: (of) => readMetadata(attributes, plan.metadata[of]),
    otherEvents: () => {
      if (span.events.length === 0) return []
      const patterns = [...found.values()]
        .map(({ source }) => source)
        .filter(({ kind, name }) => kind === 'event' && name.startsWith('gen_ai.'))
      return span.events.filter(
        ({ name }) => !patterns.some((source) => roleOf(name, source.name) !== null),
      )
    },
    leftOver: (isKnown) => {
      const left = new Map<string, AttributeValue>()
      for (const use of plan.keys) {
        const { key, fields } = use
        if (isKnown && fields.length === 0 && !key.startsWith('langfuse.')) continue
        const value = attributes.get(key)!
        if (!isShown(use, value)) left.set(key, value)
      }
      return left
    },
  }
}

const startsWithBracket = /^\s*[[{]/

function parse(value: AttributeValue): unknown {
  if (typeof value !== 'string') return value
  if (!startsWithBracket.test(value) || isTooDeep(value)) return null
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

function readMetadata(attributes: Attributes, plans: readonly MetadataPlan[]): JsonMap {
  if (plans.length === 0) return {}
  const members = new Map<string, JsonText>()
  for (const { prefix, keysBelow } of plans) {
    for (const [key, text] of Object.entries(wholeMetadata(attributes.get(prefix) ?? null))) {
      if (!members.has(key)) members.set(key, text)
    }
    for (const [key, value] of entriesOf(attributes, keysBelow, `${prefix}.`)) {
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

/** Returns attributes under their keys without the prefix. */
function entriesOf(
  attributes: Attributes,
  keys: readonly string[],
  { length }: string,
): [string, AttributeValue][] {
  return keys.map((key) => [key.slice(length), attributes.get(key)!])
}
