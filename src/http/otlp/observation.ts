import type { JsonMap, JsonText, Level } from '../../domain/entities.ts'
import { defaultEnvironment, normalizeEnvironment } from '../../domain/environment.ts'
import { sliceElements, sliceMembers } from '../../domain/json.ts'
import type { ObservationType } from '../../domain/observation-types.ts'
import { fromEpochMs, parseTimestamp, toEpochMs, type Timestamp } from '../../domain/timestamp.ts'
import { jsonOfValue, metadataValue, textOf, type AttributeReader } from './attribute-reader.ts'
import { observationTypeOfAttribute, type AttributeField } from './attributes.ts'
import type { Attributes, AttributeValue, Scope, Span } from './decode.ts'
import { textOfParts, tidyMessages } from './messages.ts'

/* Fields that are read from several attributes of a span together (contracts/langfuse.md 2.8.2). */

/** Tells what a span is. Without a word about it, a span that has a model or counts tokens is the call of a model. */
export function readType({ attributes }: Span, reader: AttributeReader): ObservationType {
  for (const [key, types] of observationTypeOfAttribute) {
    const name = textOf(attributes.get(key) ?? null)?.toLowerCase()
    if (name === undefined) continue
    const type = Object.hasOwn(types, name) ? types[name] : types['*']
    if (type === undefined) continue
    if (key.startsWith('langfuse.')) reader.take(key)
    return type
  }
  const isModelCall =
    reader.find('model') !== null ||
    reader.number('inputTokens') !== null ||
    reader.number('outputTokens') !== null
  return isModelCall ? 'GENERATION' : 'SPAN'
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

/** Levels by their name in lower case. Any other name is no level. */
const levelOfName: Readonly<Record<string, Level>> = {
  trace: 'DEBUG',
  verbose: 'DEBUG',
  debug: 'DEBUG',
  default: 'DEFAULT',
  info: 'DEFAULT',
  log: 'DEFAULT',
  notice: 'DEFAULT',
  ok: 'DEFAULT',
  success: 'DEFAULT',
  warn: 'WARNING',
  warning: 'WARNING',
  error: 'ERROR',
  fatal: 'ERROR',
  critical: 'ERROR',
}

export function readLevel(span: Span, reader: AttributeReader): Level {
  const name = reader.text('level')?.toLowerCase() ?? ''
  const level = Object.hasOwn(levelOfName, name) ? levelOfName[name] : undefined
  return level ?? (span.hasError || reader.find('errorSign') !== null ? 'ERROR' : 'DEFAULT')
}

/** Reads the message of an error, or another word on the state of the span. */
export function readStatusMessage(span: Span, reader: AttributeReader): string | null {
  return reader.text('statusMessage') ?? textOf(span.statusMessage) ?? reader.text('errorMessage')
}

/** Reads a list, a JSON list in a string, a comma-separated list, or a single tag. */
export function readTags(reader: AttributeReader): string[] {
  const value = reader.find('tags')
  if (value === null) return []
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

/** Reads the messages, preceded by the system instructions where they are not among the messages. */
export function readInput(reader: AttributeReader): JsonText | null {
  const sent = reader.json('input')
  const input = sent === null ? null : tidy(reader, 'input', sent)
  const instructions = reader.json('systemInstructions')
  if (instructions === null) return input
  const content = textOfParts(instructions) ?? instructions
  const system = `{"role":"system","content":${content}}`
  if (input === null || /^\[\s*\]$/.test(input)) return `[${system}]`
  if (input.startsWith('"')) return `[${system},{"role":"user","content":${input}}]`
  if (!input.startsWith('[')) return `[${system},${input}]`
  return isAmong(content, input) ? input : `[${system},${input.slice(1)}`
}

function isAmong(content: JsonText, messages: JsonText): boolean {
  return sliceElements(messages).some((message) => {
    const members = sliceMembers(message)
    return members.get('role') === '"system"' && members.get('content') === content
  })
}

/** Attributes that hold the text of an answer, each with the one that holds the calls of tools made beside it. */
const toolCallsBeside: Readonly<Record<string, string>> = {
  'ai.response.text': 'ai.response.toolCalls',
  'ai.result.text': 'ai.result.toolCalls',
  'lk.pii.response.text': 'lk.pii.response.function_calls',
}

/** Reads the answer: its text together with the calls of tools that stand beside it in another attribute. */
export function readOutput(reader: AttributeReader): JsonText | null {
  const output = reader.json('output')
  if (output === null) return null
  const key = reader.keyOf('output') ?? ''
  const beside = toolCallsBeside[key]
  const calls = beside === undefined ? '' : jsonOfValue(reader.peek(beside))
  if (beside === undefined || !/^\[\s*[^\s\]]/.test(calls)) return tidy(reader, 'output', output)
  reader.take(beside)
  return `{"role":"assistant","content":${output},"tool_calls":${calls}}`
}

/** What Langfuse's SDKs send is shown as it is. */
function tidy(reader: AttributeReader, field: AttributeField, value: JsonText): JsonText {
  return reader.keyOf(field)?.startsWith('langfuse.') === true ? value : tidyMessages(value)
}

/**
 * Reads the parameters of the model, which must be an object. A parameter that is neither text nor a number becomes
 * JSON in a string (contracts/langfuse.md 2.8.2).
 */
export function readModelParameters(reader: AttributeReader): JsonText | null {
  const value = reader.find('modelParameters')
  const isFlat = reader.keyOf('modelParameters')?.endsWith('.*') === true
  const text = jsonOfValue(isFlat ? flatten(value) : value)
  if (!text.startsWith('{')) return null
  const members = [...sliceMembers(text)].filter(
    ([key]) => key !== 'model' || typeof value === 'string',
  )
  if (members.length === 0 && typeof value !== 'string') return null
  const parameters = members.map(
    ([key, value]) =>
      `${JSON.stringify(key)}:${/^["\d-]/.test(value) ? value : JSON.stringify(compact(value))}`,
  )
  return `{${parameters.join(',')}}`
}

/** Writes JSON without white space, as the vendor shows it: Python's encoder puts a space after each comma. */
function compact(json: JsonText): JsonText {
  return JSON.stringify(JSON.parse(json))
}

/** Writes the names of nested parameters as they were sent: `choice.count`. */
function flatten(value: AttributeValue): AttributeValue {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const members = Object.entries(value).flatMap(([key, member]): [string, AttributeValue][] => {
    const inner = flatten(member)
    return typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.entries(inner).map(([name, one]) => [`${key}.${name}`, one])
      : [[key, inner]]
  })
  return Object.fromEntries(members)
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
  const seconds = reader.number('secondsToFirstChunk')
  const delay = reader.number('msToFirstChunk') ?? (seconds === null ? null : seconds * 1000)
  return delay === null ? null : fromEpochMs(toEpochMs(span.startTime) + delay)
}

/** Reads a version that fits Postgres' int4. */
export function readPromptVersion(reader: AttributeReader): number | null {
  const version = Number(reader.find('promptVersion') ?? Number.NaN)
  return Number.isInteger(version) && Math.abs(version) < 2 ** 31 ? version : null
}

/**
 * Returns where a span comes from, and what no field shows of it. Both are in the metadata of observations and traces.
 * Of what Langfuse's SDKs send, attributes that are not Langfuse's own are left out. To be called last.
 */
export function readExtras(span: Span, reader: AttributeReader): JsonMap {
  const { resource, scope } = span
  const leftOver = reader.leftOver(scope.name.startsWith('langfuse-sdk'))
  const extras: JsonMap = {}
  if (resource.size > 0) extras.resourceAttributes = sharedText(resource, briefOf)
  if (scope.name !== '') extras.scope = sharedText(scope, scopeFacts)
  if (leftOver.size > 0) extras.attributes = metadataValue(Object.fromEntries(leftOver))
  return extras
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
