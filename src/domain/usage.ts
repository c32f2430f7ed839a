import { addDecimals, parseDecimal } from './decimal.ts'
import type { Decimal, JsonText, Run } from './entities.ts'
import { sliceMembers } from './json.ts'

/** What an observation says of its tokens and costs, each as JSON text; absent or `null`: nothing. */
export interface SentUsage {
  /** The legacy form: `{input, output, total, unit, inputCost, …}`, or OpenAI's keys in camelCase. */
  usage?: JsonText | undefined
  usageDetails?: JsonText | undefined
  costDetails?: JsonText | undefined
}

/** Tokens are set together, and so are costs; each group is absent when nothing is said of it. */
export type UsagePatch = Partial<
  Pick<Run, 'promptTokens' | 'completionTokens' | 'totalTokens' | 'usageDetails'> &
    Pick<Run, 'promptCost' | 'completionCost' | 'totalCost' | 'costDetails'>
>

/**
 * Reads every form that clients send (contracts/langfuse.md 2.7, 3.6). Never refuses: what is no count of tokens, or no
 * cost, is left out. Costs are exact; nothing is estimated.
 */
export function usagePatch({ usage, usageDetails, costDetails }: SentUsage): UsagePatch {
  const legacy = membersOf(usage)
  return {
    ...tokensPatch(readTokens(membersOf(usageDetails), legacy)),
    ...costsPatch(readCosts(membersOf(costDetails), legacy)),
  }
}

type Tokens = Map<string, number>
type Costs = Map<string, Decimal>

function readTokens(details: Map<string, JsonText>, legacy: Map<string, JsonText>): Tokens {
  const tokens = readOpenAi(details) ?? countsOf(details)
  fill(tokens, 'input', count(legacy.get('input') ?? legacy.get('promptTokens')))
  fill(tokens, 'output', count(legacy.get('output') ?? legacy.get('completionTokens')))
  fill(tokens, 'total', count(legacy.get('total') ?? legacy.get('totalTokens')))
  return tokens
}

/** The answers of OpenAI's two interfaces: `[total, prompt, completion]`, the latter with their `_details`. */
const openAiShapes = [
  ['total_tokens', 'prompt_tokens', 'completion_tokens'],
  ['total_tokens', 'input_tokens', 'output_tokens'],
] as const

/**
 * Details are parts of what they detail: they are counted out of it, so that no token counts twice.
 * @returns null unless the map is exactly of one of the shapes
 */
function readOpenAi(details: Map<string, JsonText>): Tokens | null {
  for (const [total, prompt, completion] of openAiShapes) {
    const known = [total, prompt, completion, `${prompt}_details`, `${completion}_details`]
    if (!details.has(prompt) || ![...details.keys()].every((key) => known.includes(key))) continue
    const tokens: Tokens = new Map()
    for (const [name, key] of [
      ['input', prompt],
      ['output', completion],
    ] as const) {
      const parts = countsOf(membersOf(details.get(`${key}_details`)))
      const whole = count(details.get(key))
      if (whole !== null) tokens.set(name, Math.max(0, whole - sum(parts.values())))
      for (const [part, value] of parts) tokens.set(`${name}_${part}`, value)
    }
    fill(tokens, 'total', count(details.get(total)))
    return tokens
  }
  return null
}

function countsOf(members: Map<string, JsonText>): Tokens {
  const tokens: Tokens = new Map()
  for (const [key, text] of members) fill(tokens, key, count(text))
  return tokens
}

/** A total that is given stays, even if it does not add up. */
function tokensPatch(tokens: Tokens): UsagePatch {
  if (tokens.size === 0) return {}
  fill(tokens, 'total', sum(tokens.values()))
  return {
    promptTokens: sumOf(tokens, 'input'),
    completionTokens: sumOf(tokens, 'output'),
    totalTokens: tokens.get('total')!,
    usageDetails: `{"usage_details":${mapText(tokens)}}`,
  }
}

function readCosts(details: Map<string, JsonText>, legacy: Map<string, JsonText>): Costs {
  const costs: Costs = new Map()
  for (const [key, text] of details) fill(costs, key, cost(text))
  fill(costs, 'input', cost(legacy.get('inputCost')))
  fill(costs, 'output', cost(legacy.get('outputCost')))
  fill(costs, 'total', cost(legacy.get('totalCost')))
  return costs
}

function costsPatch(costs: Costs): UsagePatch {
  if (costs.size === 0) return {}
  fill(costs, 'total', add([...costs.values()]))
  return {
    promptCost: costOf(costs, 'input'),
    completionCost: costOf(costs, 'output'),
    totalCost: costs.get('total')!,
    costDetails: mapText(costs),
  }
}

function sumOf(tokens: Tokens, prefix: string): number | null {
  const parts = [...tokens].filter(([key]) => key.startsWith(prefix)).map(([, value]) => value)
  return parts.length === 0 ? null : sum(parts)
}

function costOf(costs: Costs, prefix: string): Decimal | null {
  return add([...costs].filter(([key]) => key.startsWith(prefix)).map(([, value]) => value))
}

function sum(values: Iterable<number>): number {
  let total = 0
  for (const value of values) total += value
  return total
}

function add(values: Decimal[]): Decimal | null {
  return values.length === 0 ? null : values.reduce(addDecimals)
}

function fill<T>(map: Map<string, T>, key: string, value: T | null): void {
  if (value !== null && !map.has(key)) map.set(key, value)
}

function mapText(map: Map<string, number | Decimal>): JsonText {
  return `{${[...map].map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`
}

/** More tokens than this in one run are a mistake, and sums must stay below 2^53. */
const maxTokens = 1e12

/** A whole number that is not negative, or one in a string. */
function count(text: JsonText | undefined): number | null {
  if (text === undefined) return null
  const digits = text.startsWith('"') ? text.slice(1, -1) : text
  if (!/^\d/.test(digits)) return null
  const value = Number(digits)
  return Number.isInteger(value) && value <= maxTokens ? value : null
}

/** A number that is not negative. */
function cost(text: JsonText | undefined): Decimal | null {
  return text !== undefined && /^\d/.test(text) ? parseDecimal(text) : null
}

function membersOf(text: JsonText | undefined): Map<string, JsonText> {
  return text === undefined ? new Map() : sliceMembers(text)
}

/** Columns of a run that tell what it used. */
export type UsageColumns = { [P in keyof Required<UsagePatch>]: Required<UsagePatch>[P] | null }

/**
 * `usageDetails` and `costDetails` of a stored run. What LangSmith wrote is put into Langfuse's keys: details are parts,
 * counted out of `input` and `output`.
 */
export function usageMapsOf(row: UsageColumns): {
  usageDetails: Record<string, number>
  costDetails: Record<string, number>
} {
  const details = membersOf(row.usageDetails ?? undefined)
  const sent = details.get('usage_details')
  return {
    usageDetails: Object.fromEntries(
      sent === undefined ? countedOut(row, details) : countsOf(sliceMembers(sent)),
    ),
    costDetails: Object.fromEntries(
      row.costDetails === null
        ? named(row.promptCost, row.completionCost, row.totalCost)
        : [...sliceMembers(row.costDetails)].map(([key, text]) => [key, Number(text)]),
    ),
  }
}

function countedOut(row: UsageColumns, details: Map<string, JsonText>): [string, number][] {
  const entries: [string, number][] = []
  const wholes = new Map(named(row.promptTokens, row.completionTokens, row.totalTokens))
  for (const [name, key] of [
    ['input', 'prompt_token_details'],
    ['output', 'completion_token_details'],
  ] as const) {
    const whole = wholes.get(name)
    if (whole === undefined) continue
    const parts = countsOf(membersOf(details.get(key)))
    const rest = whole - sum(parts.values())
    entries.push([name, Math.max(0, rest)])
    // Parts that overlap would add up to more than there was.
    if (rest >= 0) for (const [part, value] of parts) entries.push([`${name}_${part}`, value])
    else entries[entries.length - 1] = [name, whole]
  }
  const total = wholes.get('total')
  return total === undefined ? entries : [...entries, ['total', total]]
}

function named(
  input: number | Decimal | null,
  output: number | Decimal | null,
  total: number | Decimal | null,
): [string, number][] {
  const entries: [string, number | Decimal | null][] = [
    ['input', input],
    ['output', output],
    ['total', total],
  ]
  return entries.filter(([, value]) => value !== null).map(([key, value]) => [key, Number(value)])
}
