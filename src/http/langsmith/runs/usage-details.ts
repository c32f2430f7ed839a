import type { JsonText } from '../../../domain/entities.ts'
import { sliceMembers } from '../../../domain/json.ts'
import type { RunDetailRow } from '../../../store/read/runs/runs.ts'
import { joinMembers } from '../object-text.ts'

/** What a run's tokens and costs consist of (contracts/langsmith.md 3.6). */
export const usageDetailNames = [
  'prompt_token_details',
  'completion_token_details',
  'prompt_cost_details',
  'completion_cost_details',
] as const

export type UsageDetailName = (typeof usageDetailNames)[number]

/** What Langfuse puts before the name of a part: `input_cached` is a part of the prompt. */
const prefixes: Readonly<Record<UsageDetailName, string>> = {
  prompt_token_details: 'input',
  completion_token_details: 'output',
  prompt_cost_details: 'input',
  completion_cost_details: 'output',
}

/**
 * `{cache_read: 5}` or `{cache_read: "0.00001"}`: counts are numbers, costs exact decimals in strings.
 * @returns null when nothing is said of the parts
 */
export function usageDetailOf(
  row: Pick<RunDetailRow, 'usageDetails' | 'costDetails'>,
  name: UsageDetailName,
): JsonText | null {
  const stored = sliceMembers(row.usageDetails ?? '{}')
  const own = stored.get(name)
  if (own !== undefined) return own === 'null' ? null : own
  const isCost = name.includes('cost')
  const parts = new Map<string, JsonText>()
  for (const [key, text] of sliceMembers(
    (isCost ? row.costDetails : stored.get('usage_details')) ?? '{}',
  )) {
    const part = partName(key, prefixes[name])
    if (part !== null) parts.set(part, isCost ? JSON.stringify(text) : text)
  }
  return parts.size === 0 ? null : joinMembers(parts)
}

function partName(key: string, prefix: string): string | null {
  if (!key.startsWith(prefix)) return null
  const part = key.slice(prefix.length).replace(/^_/, '')
  return part === '' ? null : part
}
