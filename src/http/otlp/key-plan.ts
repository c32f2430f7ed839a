import { LRUCache } from 'lru-cache'
import { attributeKeys, metadataKeys, type AttributeField } from './attributes.ts'
import type { Span } from './decode.ts'

/** A key of the table in attributes.ts, taken apart. */
export interface Source {
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

/** What the keys of a span's attributes have to do with the table, whatever their values are. */
export interface KeyPlan {
  /** The sources that a span with these keys may have, in the order in which they win. */
  sources: ReadonlyMap<AttributeField, readonly Source[]>
  /** By prefix of a source of the kind `below`: the keys below it that are no keys of a field themselves. */
  below: ReadonlyMap<string, readonly string[]>
  keys: readonly KeyUse[]
  metadata: Readonly<Record<keyof typeof metadataKeys, readonly MetadataPlan[]>>
}

/** What may show an attribute. */
export interface KeyUse {
  key: string
  /** The fields that may show its whole value. */
  fields: readonly AttributeField[]
  /** It is a key of a field itself. */
  isOwn: boolean
  /** It is shown apart from the span's own fields: metadata, and what is read of experiments and of LangSmith. */
  isReadElsewhere: boolean
}

export interface MetadataPlan {
  prefix: string
  keysBelow: readonly string[]
}

/**
 * Plans by the keys that they are made for. Each instrumentation sends a few sets of keys over and over, and to look up each
 * key in the table for each span took longer than all that is done with the values.
 */
const plans = new LRUCache<string, KeyPlan>({ max: 2000 })

/** A longer list of keys is not kept. */
const maxSignatureLength = 4096

/** Returns the plan for the attributes of a span. */
export function keyPlanOf({ attributes, resource, events }: Span): KeyPlan {
  let signature = `${resource.size > 0 ? 'r' : ''}${events.length > 0 ? 'e' : ''}`
  // Each key with its length, so that no two lists of keys read the same.
  for (const key of attributes.keys()) signature += `${key.length}:${key}`
  let plan = plans.get(signature)
  if (plan === undefined) {
    plan = makePlan([...attributes.keys()], resource.size > 0, events.length > 0)
    if (signature.length <= maxSignatureLength) plans.set(signature, plan)
  }
  return plan
}

function makePlan(keys: readonly string[], hasResource: boolean, hasEvents: boolean): KeyPlan {
  const found = new Set<Source>()
  const add = (sources: readonly Source[] | undefined): void => {
    for (const source of sources ?? []) found.add(source)
  }
  for (const key of keys) {
    add(sourcesOfKey.get(key))
    for (const prefix of prefixesOf(key)) add(sourcesBelow.get(prefix))
  }
  if (hasResource) add(sourcesOfResource)
  if (hasEvents) add(sourcesOfEvents)
  const byField = groupBy(found, ({ field }) => field)
  for (const list of byField.values()) if (list.length > 1) list.sort((a, b) => a.rank - b.rank)
  const prefixes = [...found].filter(({ kind }) => kind === 'below').map(({ name }) => name)
  const metadataOf = (of: keyof typeof metadataKeys): MetadataPlan[] =>
    metadataKeys[of]
      .map((prefix) => ({ prefix, keysBelow: keysBelow(keys, `${prefix}.`) }))
      .filter(({ prefix, keysBelow: below }) => below.length > 0 || keys.includes(prefix))
  return {
    sources: byField,
    below: new Map(
      prefixes.map((prefix) => [
        prefix,
        keysBelow(keys, prefix).filter((key) => !sourcesOfKey.has(key)),
      ]),
    ),
    keys: keys.map(useOf),
    metadata: { trace: metadataOf('trace'), observation: metadataOf('observation') },
  }
}

function keysBelow(keys: readonly string[], prefix: string): string[] {
  return keys.filter((key) => key.length > prefix.length && key.startsWith(prefix))
}

function useOf(key: string): KeyUse {
  const own = (sourcesOfKey.get(key) ?? []).filter(
    ({ kind }) => kind !== 'member' && kind !== 'rest',
  )
  const below = prefixesOf(key).flatMap((prefix) => sourcesBelow.get(prefix) ?? [])
  const fields = [...own, ...below].map(({ field }) => field)
  return {
    key,
    fields,
    isOwn: sourcesOfKey.has(key),
    isReadElsewhere:
      fields.some((field) => /^(?:experiment|dataset|item|langsmith)/.test(field)) ||
      allMetadataKeys.some((prefix) => key === prefix || key.startsWith(`${prefix}.`)),
  }
}

const allMetadataKeys = Object.values(metadataKeys).flat()

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
