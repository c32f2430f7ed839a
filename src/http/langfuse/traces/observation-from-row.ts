import type { z } from 'zod'
import { sliceMembers } from '../../../domain/json.ts'
import { type RawJson, rawJson } from '../../../domain/raw-json.ts'
import type { JsonText } from '../../../domain/entities.ts'
import { observationTypeOf } from '../../../domain/observation-types.ts'
import { toEpochMs, toMillisecondIso, type Timestamp } from '../../../domain/timestamp.ts'
import { usageMapsOf } from '../../../domain/usage.ts'
import type { AppliedPrice } from '../../../prices/model-price.ts'
import type { ObservationColumns, ObservationRow } from '../../../store/read/runs/observations.ts'
import { storedJson, storedMember, storedMetadata } from '../stored-json.ts'
import type { observationAnswer, observationV2Answer } from './observation-answer.ts'

/** Observation as v1 and traces show it (contracts/langfuse.md 2.10, 2.16). */
export function observationFromRow(
  tenantId: string,
  row: ObservationRow,
): z.output<typeof observationAnswer> {
  const { usageDetails, costDetails } = usageMapsOf(row)
  const price = priceOf(row)
  const promptTokens = row.promptTokens ?? 0
  const completionTokens = row.completionTokens ?? 0
  const totalTokens = row.totalTokens ?? 0
  return {
    ...identityOf(tenantId, row),
    name: row.name,
    environment: row.environment,
    version: row.version,
    ...timesOf(row),
    input: storedJson(row.inputs),
    output: storedJson(row.outputs),
    metadata: storedMetadata(row.metadata),
    level: row.level,
    statusMessage: statusMessageOf(row),
    model: row.model,
    modelParameters: rawJson(row.modelParameters),
    ...promptOf(row),
    usageDetails,
    costDetails,
    usage: { unit: 'TOKENS', input: promptTokens, output: completionTokens, total: totalTokens },
    unit: 'TOKENS',
    promptTokens,
    completionTokens,
    totalTokens,
    usagePricingTierName: price?.tierName ?? null,
    usagePricingTierId: price?.tierId ?? null,
    modelId: price?.id ?? null,
    inputPrice: numberOf(price?.input ?? null),
    outputPrice: numberOf(price?.output ?? null),
    totalPrice: numberOf(price?.total ?? null),
    calculatedInputCost: numberOf(row.promptCost),
    calculatedOutputCost: numberOf(row.completionCost),
    calculatedTotalCost: numberOf(row.totalCost),
    ...latenciesOf(row),
  }
}

/** Groups of fields of v2; the core is always answered. */
const groups = [
  'basic',
  'time',
  'io',
  'metadata',
  'model',
  'usage',
  'prompt',
  'metrics',
  'trace_context',
] as const

export type ObservationGroup = (typeof groups)[number]

/** @param fields names of groups; absent: the basic ones. Unknown names are ignored */
export function observationGroupsOf(
  fields: readonly string[] | undefined,
): ReadonlySet<ObservationGroup> {
  const isDefault = fields === undefined || fields.length === 0
  return new Set(isDefault ? ['basic'] : groups.filter((group) => fields.includes(group)))
}

/** What has to be read for the groups. */
export function observationColumnsOf(asked: ReadonlySet<ObservationGroup>): ObservationColumns {
  return {
    io: asked.has('io'),
    metadata: asked.has('metadata'),
    trace: asked.has('basic') || asked.has('trace_context'),
  }
}

/**
 * Observation of v2, with the given groups of fields (contracts/langfuse.md 2.10).
 * @param expanded keys of the metadata whose values are answered in full
 */
export function observationV2FromRow(
  tenantId: string,
  row: ObservationRow,
  asked: ReadonlySet<ObservationGroup>,
  expanded: readonly string[],
): z.output<typeof observationV2Answer> {
  const group = <Fields>(name: ObservationGroup, read: () => Fields): Partial<Fields> =>
    asked.has(name) ? read() : {}
  const { startTime, endTime, ...otherTimes } = timesOf(row)
  const price = priceOf(row)
  return {
    ...identityOf(tenantId, row),
    startTime,
    endTime,
    modelId: price?.id ?? null,
    inputPrice: price?.input ?? null,
    outputPrice: price?.output ?? null,
    totalPrice: price?.total ?? null,
    ...group('basic', () => ({
      isRootObservation: row.isRoot,
      name: row.name,
      level: row.level,
      statusMessage: statusMessageOf(row),
      version: row.version,
      environment: row.environment,
      bookmarked: false,
      public: row.isPublic ?? false,
      userId: row.userId,
      sessionId: row.threadId,
    })),
    ...group('time', () => otherTimes),
    ...group('io', () => ({ input: plainText(row.inputs), output: plainText(row.outputs) })),
    ...group('metadata', () => ({ metadata: flatMetadata(row.metadata, expanded) })),
    ...group('model', () => ({
      model: row.model,
      providedModelName: row.model,
      internalModelId: price?.id ?? null,
      modelParameters: rawJson(row.modelParameters),
    })),
    ...group('usage', () => ({
      ...usageMapsOf(row),
      totalCost: numberOf(row.totalCost),
      usagePricingTierName: price?.tierName ?? null,
    })),
    ...group('prompt', () => promptOf(row)),
    ...group('metrics', () => latenciesOf(row)),
    ...group('trace_context', () => ({
      traceName: row.traceName,
      tags: row.traceTags ?? [],
      release: row.traceRelease,
    })),
  }
}

/** The price that the cost was computed with. */
function priceOf({ price }: ObservationRow): AppliedPrice | null {
  return price === null ? null : (JSON.parse(price) as AppliedPrice)
}

function observationIdOf(row: ObservationRow): string {
  return row.externalId ?? row.id
}

function identityOf(tenantId: string, row: ObservationRow) {
  return {
    id: observationIdOf(row),
    projectId: tenantId,
    traceId: row.externalTraceId ?? row.traceId,
    parentObservationId: row.externalParentRunId ?? row.parentRunId,
    type: observationTypeOf(row.runType),
  }
}

function timesOf(row: ObservationRow) {
  const createdAt = row.createdAt ?? row.startTime
  return {
    startTime: toMillisecondIso(row.startTime),
    endTime: isoOrNull(endOf(row)),
    completionStartTime: isoOrNull(row.firstTokenTime),
    createdAt: toMillisecondIso(createdAt),
    updatedAt: toMillisecondIso(row.updatedAt ?? createdAt),
  }
}

function promptOf(row: ObservationRow) {
  return { promptId: null, promptName: row.promptName, promptVersion: row.promptVersion }
}

/** Latencies in seconds, between the times that are shown. */
function latenciesOf(row: ObservationRow) {
  const seconds = (time: Timestamp | null) =>
    time === null ? null : (toEpochMs(time) - toEpochMs(row.startTime)) / 1000
  return { latency: seconds(endOf(row)), timeToFirstToken: seconds(row.firstTokenTime) }
}

/** The end, but never before the start: the two may come from different events (contracts/langfuse.md 3.2). */
function endOf({ startTime, endTime }: ObservationRow): Timestamp | null {
  return endTime !== null && endTime < startTime ? startTime : endTime
}

/** Runs from LangSmith's clients tell of a failure by their `error`. */
function statusMessageOf({ statusMessage, error }: ObservationRow): string | null {
  return statusMessage ?? (/^(?:""|false)$/.test(error ?? '""') ? null : plainText(error))
}

function isoOrNull(time: Timestamp | null): string | null {
  return time === null ? null : toMillisecondIso(time)
}

function numberOf(decimal: string | null): number | null {
  return decimal === null ? null : Number(decimal)
}

/** The text of a string, or the JSON of any other value. */
function plainText(text: JsonText | null): string | null {
  if (text === null || text === 'null') return null
  return text.startsWith('"') ? (JSON.parse(text) as string) : text
}

/** Longest metadata value that is answered whole without being asked for in full, in UTF-16 code units. */
const cutLength = 200

/** Metadata in one level: members of inner objects get dotted keys. A value that is cut becomes a string. */
function flatMetadata(text: JsonText | null, expanded: readonly string[]): Record<string, unknown> {
  const flat = new Map<string, unknown>()
  const isExpanded = (key: string) =>
    expanded.some((name) => key === name || key.startsWith(`${name}.`))
  const visit = (prefix: string, object: JsonText) => {
    for (const [name, value] of sliceMembers(object)) {
      const key = `${prefix}${name}`
      const stored = storedMember(value)
      if (stored !== null && /^\{\s*"/.test(stored.text)) visit(`${key}.`, stored.text)
      else flat.set(key, isExpanded(key) ? stored : cut(stored))
    }
  }
  visit('', text ?? '{}')
  return Object.fromEntries(flat)
}

function cut(value: RawJson | null): RawJson | string | null {
  if (value === null) return null
  const plain = plainText(value.text) ?? ''
  return plain.length <= cutLength ? value : plain.slice(0, cutLength).toWellFormed()
}
