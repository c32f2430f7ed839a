import type { JsonMap, JsonText, Level } from '../../domain/entities.ts'
import { defaultEnvironment, normalizeEnvironment } from '../../domain/environment.ts'
import type { ObservationType } from '../../domain/observation-types.ts'
import { fromEpochMs, parseTimestamp, toEpochMs, type Timestamp } from '../../domain/timestamp.ts'
import { usagePatch, type UsagePatch } from '../../domain/usage.ts'
import { jsonOfValue, metadataValue, textOf, type AttributeReader } from './attribute-reader.ts'
import { levelOfName, observationTypeOfAttribute } from './attributes.ts'
import type { Attributes, AttributeValue, Scope, Span } from './decode.ts'

/* Fields that are read from several attributes of a span together (contracts/langfuse.md 2.8.2). */

export function readType({ attributes }: Span, reader: AttributeReader): ObservationType {
  for (const [key, types] of observationTypeOfAttribute) {
    const name = textOf(attributes.get(key) ?? null)?.toLowerCase()
    if (name === undefined) continue
    const type = Object.hasOwn(types, name) ? types[name] : types['*']
    if (type !== undefined) return type
  }
  return reader.find('model') === null ? 'SPAN' : 'GENERATION'
}

export function readName(span: Span, reader: AttributeReader, type: ObservationType): string {
  const operation = textOf(span.attributes.get('ai.operationId') ?? null)
  const name = (type === 'TOOL' ? reader.text('toolName') : null) ?? reader.text('observationName')
  if (name !== null) return name
  if (operation === null) return textOf(span.name) ?? ''
  const functionId = textOf(span.attributes.get('ai.telemetry.functionId') ?? null)
  return functionId === null ? operation : `${functionId}:${operation}`
}

export function readEnvironment(reader: AttributeReader): string {
  const sent = reader.text('environment')
  return sent === null ? defaultEnvironment : normalizeEnvironment(sent)
}

export function readLevel(span: Span, reader: AttributeReader): Level {
  const name = reader.text('level')?.toLowerCase() ?? ''
  const level = Object.hasOwn(levelOfName, name) ? levelOfName[name] : undefined
  return level ?? (span.hasError ? 'ERROR' : 'DEFAULT')
}

/** Reads a list, a JSON list in a string, a comma-separated list, or a single tag. */
export function readTags(reader: AttributeReader): string[] {
  const value = reader.find('tags')
  return distinct(Array.isArray(value) ? value : tagsOfText(textOf(value) ?? ''))
}

function tagsOfText(text: string): AttributeValue[] {
  const json = jsonOfValue(text)
  return json.startsWith('[') ? (JSON.parse(json) as AttributeValue[]) : text.split(',')
}

function distinct(tags: AttributeValue[]): string[] {
  const texts = tags.map((tag) => textOf(tag)?.trim() ?? '')
  return [...new Set(texts.filter((text) => text !== ''))]
}

/** Returns null when nothing is said, which keeps what is stored. */
export function readPublic(reader: AttributeReader): boolean | null {
  const value = reader.find('isPublic')
  if (value === true || value === 'true') return true
  return value === false || value === 'false' ? false : null
}

/** Reads the messages, preceded by the system instructions. */
export function readInput(reader: AttributeReader): JsonText | null {
  const input = reader.json('input')
  const instructions = reader.json('systemInstructions')
  if (instructions === null) return input
  const system = `{"role":"system","content":${instructions}}`
  if (input === null) return `[${system}]`
  return input.startsWith('[') && !/^\[\s*\]$/.test(input)
    ? `[${system},${input.slice(1)}`
    : `[${system},${input}]`
}

/** Reads the parameters of the model, which must be an object. */
export function readModelParameters(reader: AttributeReader): JsonText | null {
  const value = reader.find('modelParameters')
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const { model: _, ...parameters } = value
    return Object.keys(parameters).length === 0 ? null : JSON.stringify(parameters)
  }
  const text = jsonOfValue(value)
  return text.startsWith('{') ? text : null
}

export function readUsage(reader: AttributeReader): UsagePatch {
  return usagePatch({
    usageDetails: reader.json('usageDetails') ?? countedTokens(reader),
    costDetails: reader.json('costDetails') ?? knownCost(reader),
  })
}

/**
 * Counts tokens in Langfuse's keys. By the conventions of OpenTelemetry a count includes its details (cached,
 * reasoning, audio); here they are subtracted from it.
 */
function countedTokens(reader: AttributeReader): JsonText {
  const count = (field: Parameters<AttributeReader['find']>[0]): number | null => {
    const value = Number(reader.find(field) ?? Number.NaN)
    return Number.isInteger(value) && value >= 0 ? value : null
  }
  const cacheRead = count('cacheReadTokens')
  const cacheCreation = count('cacheCreationTokens')
  const reasoning = count('reasoningTokens')
  const audio = count('audioTokens')
  return JSON.stringify({
    input: less(count('inputTokens'), [cacheRead, cacheCreation]),
    output: less(count('outputTokens'), [reasoning, audio]),
    total: count('totalTokens') ?? undefined,
    input_cached_tokens: cacheRead ?? undefined,
    input_cache_creation: cacheCreation ?? undefined,
    output_reasoning_tokens: reasoning ?? undefined,
    output_audio_tokens: audio ?? undefined,
  })
}

function less(whole: number | null, details: (number | null)[]): number | undefined {
  if (whole === null) return undefined
  return Math.max(
    0,
    details.reduce<number>((rest, detail) => rest - (detail ?? 0), whole),
  )
}

function knownCost(reader: AttributeReader): JsonText {
  const total = reader.find('totalCost')
  return total === null ? '{}' : `{"total":${JSON.stringify(Number(total))}}`
}

/**
 * Reads the time of the first token: as sent, sometimes in one or two pairs of quotes, or as milliseconds after the
 * start.
 */
export function readFirstTokenTime(span: Span, reader: AttributeReader): Timestamp | null {
  let sent = reader.find('completionStartTime')
  for (let quotes = 0; quotes < 2 && typeof sent === 'string' && sent.startsWith('"'); quotes++) {
    sent = JSON.parse(jsonOfValue(sent)) as AttributeValue
  }
  if (typeof sent === 'string' || typeof sent === 'number') return parseTimestamp(sent)
  const delay = reader.find('msToFirstChunk')
  const milliseconds = delay === null ? Number.NaN : Number(delay)
  return Number.isFinite(milliseconds)
    ? fromEpochMs(toEpochMs(span.startTime) + milliseconds)
    : null
}

/** Reads a version that fits Postgres' int4. */
export function readPromptVersion(reader: AttributeReader): number | null {
  const version = Number(reader.find('promptVersion') ?? Number.NaN)
  return Number.isInteger(version) && Math.abs(version) < 2 ** 31 ? version : null
}

/**
 * Returns where a span comes from, and what no field read of it. Both are shown in the metadata of observations and
 * traces.
 */
export function readExtras(span: Span, reader: AttributeReader): JsonMap {
  const { resource, scope } = span
  const leftOver = scope.name.startsWith('langfuse-sdk') ? new Map() : reader.leftOver()
  return {
    ...(resource.size === 0 ? {} : { resourceAttributes: sharedText(resource, briefOf) }),
    ...(scope.name === '' ? {} : { scope: sharedText(scope, scopeFacts) }),
    ...(leftOver.size === 0 ? {} : { attributes: metadataValue(Object.fromEntries(leftOver)) }),
  }
}

function scopeFacts({ name, version, attributes }: Scope): AttributeValue {
  return { name, version, attributes: briefOf(attributes) }
}

/**
 * The JSON of resources and scopes. Many spans share one and repeat it in their metadata, so it is written only once.
 */
const sharedTexts = new WeakMap<object, JsonText>()

function sharedText<T extends object>(shared: T, read: (shared: T) => AttributeValue): JsonText {
  let text = sharedTexts.get(shared)
  if (text === undefined) sharedTexts.set(shared, (text = metadataValue(read(shared))))
  return text
}

/** The longest resource or scope, in characters: a megabyte in it would be repeated in every run of an export. */
const maxSharedLength = 8192

/** Keeps the attributes that fit into `maxSharedLength`. */
function briefOf(attributes: Attributes): AttributeValue {
  let left = maxSharedLength
  const brief = [...attributes].filter(([key, value]) => {
    const length = key.length + JSON.stringify(value).length
    if (length > left) return false
    left -= length
    return true
  })
  return Object.fromEntries(brief)
}
