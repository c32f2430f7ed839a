import type { JsonText } from '../../domain/entities.ts'
import type { ObservationType } from '../../domain/observation-types.ts'
import { usagePatch, type UsagePatch } from '../../domain/usage.ts'
import type { AttributeReader } from './attribute-reader.ts'

/**
 * Reads tokens and costs. Langfuse's own attributes always count. Those of other conventions count on the calls of
 * models and embeddings alone, because agents, chains and other spans around them repeat the sums of what they
 * enclose (SPEC I13).
 */
export function readUsage(reader: AttributeReader, type: ObservationType): UsagePatch {
  const isModelCall = type === 'GENERATION' || type === 'EMBEDDING'
  const usageDetails = ownMap(reader, 'usageDetails') ?? (isModelCall ? countTokens(reader) : '{}')
  const costDetails =
    ownMap(reader, 'costDetails') ?? (isModelCall ? knownCosts(reader, usageDetails) : '{}')
  if (usageDetails === '{}' && costDetails === '{}') return {}
  return usagePatch({ usageDetails, costDetails })
}

function ownMap(reader: AttributeReader, field: 'usageDetails' | 'costDetails'): JsonText | null {
  const text = reader.json(field)
  return text !== null && /^\{\s*"/.test(text) ? text : null
}

/**
 * Counts tokens in Langfuse's keys, each token once: by the conventions of OpenTelemetry a count includes its details
 * (cached, reasoning, audio), which are subtracted from it. The total is the sum, unless the input or the output is
 * not told.
 */
function countTokens(reader: AttributeReader): JsonText {
  const inputDetails = {
    input_cached_tokens: reader.number('cacheReadTokens'),
    input_cache_creation: reader.number('cacheCreationTokens'),
    input_audio_tokens: reader.number('inputAudioTokens'),
  }
  const outputDetails = {
    output_reasoning_tokens: reader.number('reasoningTokens'),
    output_audio_tokens: reader.number('audioTokens'),
  }
  const input = reader.number('inputTokens')
  const output = reader.number('outputTokens')
  const total = reader.number('totalTokens')
  const isTold = (count: number | null): boolean => count !== null
  const told = [...Object.values(inputDetails), ...Object.values(outputDetails)]
  if (![input, output, total, ...told].some(isTold)) return '{}'
  const [ofInput, ofOutput] = [sumOf(inputDetails), sumOf(outputDetails)]
  // A told total that is larger by the details shows that they are not included.
  const beyond = total === null || input === null || output === null ? 0 : total - input - output
  const isBoth = beyond === ofInput + ofOutput
  const counts = {
    input: rest(input, ofInput, isBoth || beyond === ofInput),
    output: rest(output, ofOutput, isBoth || beyond === ofOutput),
    ...inputDetails,
    ...outputDetails,
    total: input === null || output === null ? total : null,
  }
  return JSON.stringify(
    Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== null)),
  )
}

function sumOf(details: Record<string, number | null>): number {
  return Object.values(details).reduce<number>((sum, count) => sum + (count ?? 0), 0)
}

/** Details that add up to more than the whole are not included in it either. */
function rest(whole: number | null, details: number, isApart: boolean): number | null {
  return whole === null || isApart || details > whole ? whole : whole - details
}

/**
 * Reads costs. A `gen_ai.usage.cost` of 0 beside tokens is what openlit sends for models that it has no price of: it says
 * nothing (SPEC I14).
 */
function knownCosts(reader: AttributeReader, usageDetails: JsonText): JsonText {
  const isTold = (cost: number, key: string): boolean =>
    cost > 0 || key !== 'gen_ai.usage.cost' || !/:\s*[\d.]*[1-9]/.test(usageDetails)
  const costs = {
    input: reader.number('inputCost'),
    output: reader.number('outputCost'),
    total: reader.number('totalCost', isTold),
  }
  if (costs.input === null && costs.output === null && costs.total === null) return '{}'
  return JSON.stringify(
    Object.fromEntries(Object.entries(costs).filter(([, cost]) => cost !== null)),
  )
}
