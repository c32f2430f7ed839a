import type { JsonText } from '../../../domain/entities.ts'
import { sliceMembers } from '../../../domain/json.ts'
import type { RunDetailRow } from '../../../store/read/runs/runs.ts'
import { joinMembers } from '../object-text.ts'

/** Fields that break down a run's tokens and costs (contracts/langsmith.md 3.6). */
export const usageDetailNames = [
  'prompt_token_details',
  'completion_token_details',
  'prompt_cost_details',
  'completion_cost_details',
] as const

export type UsageDetailName = (typeof usageDetailNames)[number]

/** Langfuse's clients put a prefix before the name of a detail: `input_cached` counts tokens of the prompt. */
const prefixes: Readonly<Record<UsageDetailName, string>> = {
  prompt_token_details: 'input',
  completion_token_details: 'output',
  prompt_cost_details: 'input',
  completion_cost_details: 'output',
}

/**
 * One breakdown, as `{cache_read: 5}` or `{cache_read: "0.00001"}`: counts are numbers, costs exact decimals in
 * strings.
 * @returns null when the run has none
 */
export function usageDetailOf(
  row: Pick<RunDetailRow, 'usageDetails' | 'costDetails'>,
  name: UsageDetailName,
): JsonText | null {
  const stored = sliceMembers(row.usageDetails ?? '{}')
  const own = stored.get(name)
  if (own !== undefined) return own === 'null' ? null : own
  const isCost = name.includes('cost')
  const details = new Map<string, JsonText>()
  for (const [key, text] of sliceMembers(
    (isCost ? row.costDetails : stored.get('usage_details')) ?? '{}',
  )) {
    const detail = detailName(key, prefixes[name])
    if (detail !== null) details.set(detail, isCost ? JSON.stringify(text) : text)
  }
  return details.size === 0 ? null : joinMembers(details)
}

function detailName(key: string, prefix: string): string | null {
  if (!key.startsWith(prefix)) return null
  const name = key.slice(prefix.length).replace(/^_/, '')
  return name === '' ? null : name
}
