import { addDecimals, parseDecimal } from './decimal.ts'
import type { Decimal, JsonText, Run } from './entities.ts'
import { sliceMembers } from './json.ts'

/** What an observation says about its tokens and costs, each as JSON text. Absent or `null` says nothing. */
export interface SentUsage {
  /** The legacy form: `{input, output, total, unit, inputCost, …}`, or OpenAI's keys in camelCase. */
  usage?: JsonText | undefined
  usageDetails?: JsonText | undefined
  costDetails?: JsonText | undefined
}

/**
 * The columns of a run that its usage sets. Tokens are set together, and so are costs. A group about which nothing is
 * said is absent.
 */
export type UsagePatch = Partial<
  Pick<Run, 'promptTokens' | 'completionTokens' | 'totalTokens' | 'usageDetails'> &
    Pick<Run, 'promptCost' | 'completionCost' | 'totalCost' | 'costDetails'>
>

/**
 * Reads tokens and costs in every form that clients send (contracts/langfuse.md 2.7, 3.6). Never refuses: an entry
 * that is not a count of tokens, or not a cost, is left out. Costs are exact; nothing is estimated.
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

/** The keys of OpenAI's two interfaces, all of which are there. The latter two may come with `_details`. */
const openAiShapes = [
  ['total_tokens', 'prompt_tokens', 'completion_tokens'],
  ['total_tokens', 'input_tokens', 'output_tokens'],
] as const

/**
 * Reads usage in one of OpenAI's shapes. There a count includes the counts in its details; here they are subtracted
 * from it, so that no token counts twice.
 * @returns null when a key of the shape is missing, or another is there: such a map is kept as it was sent
 */
function readOpenAi(details: Map<string, JsonText>): Tokens | null {
  for (const [total, prompt, completion] of openAiShapes) {
    const required = [total, prompt, completion]
    const known = [...required, `${prompt}_details`, `${completion}_details`]
    if (!required.every((key) => details.has(key))) continue
    if (![...details.keys()].every((key) => known.includes(key))) continue
    const tokens: Tokens = new Map()
    for (const [name, key] of [
      ['input', prompt],
      ['output', completion],
    ] as const) {
      const counted = countsOf(membersOf(details.get(`${key}_details`)))
      const whole = count(details.get(key))
      if (whole !== null) tokens.set(name, Math.max(0, whole - sum(counted.values())))
      for (const [detail, value] of counted) tokens.set(`${name}_${detail}`, value)
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

/** A total that was sent stays, even when it does not add up. */
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

/** Every key that contains the word counts, as in `cache_read_input_tokens`. */
function sumOf(tokens: Tokens, word: string): number | null {
  const counts = [...tokens].filter(([key]) => key.includes(word)).map(([, value]) => value)
  return counts.length === 0 ? null : sum(counts)
}

function costOf(costs: Costs, word: string): Decimal | null {
  return add([...costs].filter(([key]) => key.includes(word)).map(([, value]) => value))
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

/** A larger count in one run is taken for a mistake. Sums of counts must stay below 2^53. */
const maxTokens = 1e12

/** Reads a whole number that is not negative, or such a number in a string. */
function count(text: JsonText | undefined): number | null {
  if (text === undefined) return null
  const digits = text.startsWith('"') ? text.slice(1, -1) : text
  if (!/^\d/.test(digits)) return null
  const value = Number(digits)
  return Number.isInteger(value) && value <= maxTokens ? value : null
}

/** Reads a number that is not negative. */
function cost(text: JsonText | undefined): Decimal | null {
  return text !== undefined && /^\d/.test(text) ? parseDecimal(text) : null
}

function membersOf(text: JsonText | undefined): Map<string, JsonText> {
  return text === undefined ? new Map() : sliceMembers(text)
}

/** The columns of a run that hold its usage. */
export type UsageColumns = { [P in keyof Required<UsagePatch>]: Required<UsagePatch>[P] | null }

/**
 * Returns `usageDetails` and `costDetails` of a stored run, in Langfuse's keys. LangSmith's clients include the
 * detailed counts in the whole; here they are subtracted from `input` and `output`.
 */
export function usageMapsOf(row: UsageColumns): {
  usageDetails: Record<string, number>
  costDetails: Record<string, number>
} {
  const details = membersOf(row.usageDetails ?? undefined)
  const sent = details.get('usage_details')
  return {
    usageDetails: Object.fromEntries(
      sent === undefined ? splitDetails(row, details) : countsOf(sliceMembers(sent)),
    ),
    costDetails: Object.fromEntries(
      row.costDetails === null
        ? named(row.promptCost, row.completionCost, row.totalCost)
        : [...sliceMembers(row.costDetails)].map(([key, text]) => [key, Number(text)]),
    ),
  }
}

function splitDetails(row: UsageColumns, details: Map<string, JsonText>): [string, number][] {
  const entries: [string, number][] = []
  const wholes = new Map(named(row.promptTokens, row.completionTokens, row.totalTokens))
  for (const [name, key] of [
    ['input', 'prompt_token_details'],
    ['output', 'completion_token_details'],
  ] as const) {
    const whole = wholes.get(name)
    if (whole === undefined) continue
    const counted = countsOf(membersOf(details.get(key)))
    const rest = whole - sum(counted.values())
    entries.push([name, Math.max(0, rest)])
    // Details that overlap can add up to more than the whole. Then only the whole is shown.
    if (rest >= 0) for (const [detail, value] of counted) entries.push([`${name}_${detail}`, value])
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
