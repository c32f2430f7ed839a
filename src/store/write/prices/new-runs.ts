import type { FoldedRow, MapEntry } from '../../../domain/fold.ts'
import { sliceMembers } from '../../../domain/json.ts'
import type { JsonText } from '../../../domain/entities.ts'
import type { PricedColumns, RunToPrice } from '../../../prices/price-run.ts'
import { costSlot } from '../upsert-sql.ts'

/*
 * A run that is not stored yet has nothing but what its events say, so its cost can be computed before it is written.
 * A cost that is written afterwards makes a second version of the row, with entries in all indexes.
 */

const costs = ['promptCost', 'completionCost', 'totalCost', 'costDetails']

/**
 * Returns what `run_lock_to_price` will return for the row if it is new; null when that is nothing, or when only Postgres
 * can tell: then the row is priced once it is written.
 */
export function newRunToPrice(row: FoldedRow): RunToPrice | null {
  const text = (property: string): string | null =>
    (row.values.get(property) ?? null) as string | null
  const number = (property: string): number | null =>
    (row.values.get(property) ?? null) as number | null
  const [runType, model] = [text('runType'), text('model')]
  const costVersion = row.fieldVersions[costSlot] ?? null
  const tokens = {
    promptTokens: number('promptTokens'),
    completionTokens: number('completionTokens'),
    totalTokens: number('totalTokens'),
  }
  if (runType !== 'llm' && runType !== 'embedding') return null
  if (model === null || costs.some((property) => text(property) !== null)) return null
  if (Object.values(tokens).every((count) => count === null)) return null
  const provider = providerOf(row.maps.get('metadata'))
  if (provider === undefined) return null
  return {
    runType,
    model,
    provider,
    invocation: null,
    start: text('startTime') ?? text('createdAt'),
    ...tokens,
    usageDetails: text('usageDetails'),
    hasCost: false,
    costVersion: costVersion === null ? null : String(costVersion),
    price: null,
  }
}

/** @returns undefined when it is no text */
function providerOf(
  metadata: ReadonlyMap<string, MapEntry> | undefined,
): string | null | undefined {
  const attributes = sliceMembers(metadata?.get('attributes')?.text ?? '{}')
  const sent =
    notNull(metadata?.get('ls_provider')?.text) ??
    notNull(attributes.get('gen_ai.provider.name')) ??
    notNull(attributes.get('gen_ai.system'))
  if (sent === undefined) return null
  return sent.startsWith('"') ? (JSON.parse(sent) as string) : undefined
}

function notNull(text: JsonText | undefined): JsonText | undefined {
  return text === 'null' ? undefined : text
}

/** Adds a cost to a row that is written if it is new; otherwise the stored row keeps what it has. */
export function setNewCost(row: FoldedRow, { price, ...costs }: PricedColumns): void {
  for (const [property, value] of Object.entries(costs)) row.values.set(property, value)
  row.values.set('price', JSON.stringify(price))
}
