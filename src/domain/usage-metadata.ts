import { addDecimals, parseDecimal } from './decimal.ts'
import type { Decimal, JsonText, Run } from './entities.ts'
import { sliceElements, sliceMembers } from './json.ts'

/** Tokens and costs of one run, set together. */
export type Usage = {
  [P in
    | 'promptTokens'
    | 'completionTokens'
    | 'totalTokens'
    | 'promptCost'
    | 'completionCost'
    | 'totalCost'
    | 'usageDetails']: Run[P]
}

/** Details by name, each a number as text: `{cache_read: "5"}`. */
type Details = Map<string, string>

/** What one place in a run says of its usage; null where it says nothing. */
interface Counts {
  prompt: number | null
  completion: number | null
  total: number | null
  promptCost: Decimal | null
  completionCost: Decimal | null
  totalCost: Decimal | null
  promptDetails: Details
  completionDetails: Details
  promptCostDetails: Details
  completionCostDetails: Details
}

/**
 * Finds the tokens and costs of a run in the order of contracts/langsmith.md 3.6: the first place that counts anything
 * wins. Costs are exact decimals, taken from the text. Nothing is estimated.
 * @param outputs JSON text of the run's outputs, or null
 * @param metadata JSON text of `extra.metadata`, or null
 * @returns null when there are no counts anywhere
 */
export function findUsage(outputs: JsonText | null, metadata: JsonText | null): Usage | null {
  if (!mayHold(outputs) && !mayHold(metadata)) return null
  const given = mayHold(outputs) ? sliceMembers(outputs) : new Map<string, JsonText>()
  const noted = mayHold(metadata) ? sliceMembers(metadata) : new Map<string, JsonText>()
  const counts =
    usageMetadata(given.get('usage_metadata')) ??
    usageMetadata(noted.get('usage_metadata')) ??
    generationUsage(given.get('generations')) ??
    tokenUsage(given.get('llm_output') ?? given.get('llmOutput')) ??
    providerUsage(given.get('usage'))
  return counts === null ? null : usageOf(counts)
}

/** A cheap test before the text is cut up: outputs can be megabytes, and most hold no usage. */
function mayHold(text: JsonText | null): text is JsonText {
  return text !== null && (text.includes('usage') || text.includes('Usage'))
}

/** `usage_metadata` of the outputs or of the metadata (contracts/langsmith.md 3.6.1, 3.6.2). */
function usageMetadata(text: JsonText | undefined): Counts | null {
  const members = membersOf(text)
  const counts: Counts = {
    prompt: count(members.get('input_tokens')),
    completion: count(members.get('output_tokens')),
    total: count(members.get('total_tokens')),
    promptCost: cost(members.get('input_cost')),
    completionCost: cost(members.get('output_cost')),
    totalCost: cost(members.get('total_cost')),
    promptDetails: details(members.get('input_token_details'), countText),
    completionDetails: details(members.get('output_token_details'), countText),
    promptCostDetails: details(members.get('input_cost_details'), cost),
    completionCostDetails: details(members.get('output_cost_details'), cost),
  }
  return saysNothing(counts) ? null : counts
}

/**
 * The sum over LangChain's messages, `generations[i][j].message.kwargs.usage_metadata` (contracts/langsmith.md 3.6.3).
 */
function generationUsage(text: JsonText | undefined): Counts | null {
  let sum: Counts | null = null
  for (const batch of elementsOf(text)) {
    for (const generation of batch.startsWith('[') ? sliceElements(batch) : [batch]) {
      const message = membersOf(membersOf(generation).get('message'))
      const counts = usageMetadata(membersOf(message.get('kwargs')).get('usage_metadata'))
      if (counts !== null) sum = sum === null ? counts : add(sum, counts)
    }
  }
  return sum
}

/** `llm_output.token_usage`, or `tokenUsage` (contracts/langsmith.md 3.6.4). */
function tokenUsage(llmOutput: JsonText | undefined): Counts | null {
  const members = membersOf(llmOutput)
  const usage = membersOf(members.get('token_usage') ?? members.get('tokenUsage'))
  return plainCounts(
    usage.get('prompt_tokens') ?? usage.get('promptTokens'),
    usage.get('completion_tokens') ?? usage.get('completionTokens'),
    usage.get('total_tokens') ?? usage.get('totalTokens'),
  )
}

/** `usage` in the model provider's own answer (contracts/langsmith.md 3.6.5). */
function providerUsage(text: JsonText | undefined): Counts | null {
  const usage = membersOf(text)
  return plainCounts(
    usage.get('prompt_tokens') ?? usage.get('input_tokens'),
    usage.get('completion_tokens') ?? usage.get('output_tokens'),
    usage.get('total_tokens'),
  )
}

function plainCounts(
  prompt: JsonText | undefined,
  completion: JsonText | undefined,
  total: JsonText | undefined,
): Counts | null {
  const counts: Counts = {
    prompt: count(prompt),
    completion: count(completion),
    total: count(total),
    promptCost: null,
    completionCost: null,
    totalCost: null,
    promptDetails: new Map(),
    completionDetails: new Map(),
    promptCostDetails: new Map(),
    completionCostDetails: new Map(),
  }
  return saysNothing(counts) ? null : counts
}

function saysNothing(counts: Counts): boolean {
  return Object.values(counts).every(
    (value) => value === null || (value instanceof Map && value.size === 0),
  )
}

function add(a: Counts, b: Counts): Counts {
  return {
    prompt: addCounts(a.prompt, b.prompt),
    completion: addCounts(a.completion, b.completion),
    total: addCounts(totalOf(a), totalOf(b)),
    promptCost: addCosts(a.promptCost, b.promptCost),
    completionCost: addCosts(a.completionCost, b.completionCost),
    totalCost: addCosts(totalCostOf(a), totalCostOf(b)),
    promptDetails: addDetails(a.promptDetails, b.promptDetails),
    completionDetails: addDetails(a.completionDetails, b.completionDetails),
    promptCostDetails: addDetails(a.promptCostDetails, b.promptCostDetails),
    completionCostDetails: addDetails(a.completionCostDetails, b.completionCostDetails),
  }
}

function usageOf(counts: Counts): Usage {
  const members = [
    detailMember('prompt_token_details', counts.promptDetails, (text) => text),
    detailMember('completion_token_details', counts.completionDetails, (text) => text),
    detailMember('prompt_cost_details', counts.promptCostDetails, (text) => `"${text}"`),
    detailMember('completion_cost_details', counts.completionCostDetails, (text) => `"${text}"`),
  ].filter((member) => member !== null)
  return {
    promptTokens: counts.prompt,
    completionTokens: counts.completion,
    totalTokens: totalOf(counts),
    promptCost: counts.promptCost,
    completionCost: counts.completionCost,
    totalCost: totalCostOf(counts),
    usageDetails: members.length === 0 ? null : `{${members.join(',')}}`,
  }
}

function totalOf({ prompt, completion, total }: Counts): number | null {
  return total ?? addCounts(prompt, completion)
}

function totalCostOf({ promptCost, completionCost, totalCost }: Counts): Decimal | null {
  return totalCost ?? addCosts(promptCost, completionCost)
}

function addCounts(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : a + b
}

function addCosts(a: Decimal | null, b: Decimal | null): Decimal | null {
  return a === null || b === null ? (a ?? b) : addDecimals(a, b)
}

function addDetails(a: Details, b: Details): Details {
  const sum = new Map(a)
  for (const [key, text] of b) sum.set(key, addCosts(sum.get(key) ?? null, text) ?? text)
  return sum
}

function detailMember(
  name: string,
  map: Details,
  write: (text: string) => JsonText,
): JsonText | null {
  if (map.size === 0) return null
  const members = [...map].map(([key, text]) => `${JSON.stringify(key)}:${write(text)}`)
  return `"${name}":{${members.join(',')}}`
}

function details(text: JsonText | undefined, read: (value: JsonText) => string | null): Details {
  const found: Details = new Map()
  for (const [key, value] of membersOf(text)) {
    const readable = read(value)
    if (readable !== null) found.set(key, readable)
  }
  return found
}

/** More tokens than this in one run are a mistake. The limit keeps sums below 2^53. */
const maxTokens = 1e12

function count(text: JsonText | undefined): number | null {
  if (text === undefined || !/^\d/.test(text)) return null
  const value = Math.round(Number(text))
  return value <= maxTokens ? value : null
}

function countText(text: JsonText): string | null {
  const value = count(text)
  return value === null ? null : String(value)
}

/** A cost: a number, or a decimal in a string. */
function cost(text: JsonText | undefined): Decimal | null {
  if (text === undefined) return null
  return parseDecimal(text.startsWith('"') ? text.slice(1, -1) : text)
}

function membersOf(text: JsonText | undefined): Map<string, JsonText> {
  return text === undefined ? new Map() : sliceMembers(text)
}

function elementsOf(text: JsonText | undefined): JsonText[] {
  return text === undefined ? [] : sliceElements(text)
}
