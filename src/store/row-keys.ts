/** The key of a row in a table of tenants. */
export interface RowKey {
  tenantId: string
  id: string
}

/** Sorts keys and drops repeats and nulls. This is the order in which every transaction takes its locks. */
export function distinctKeys(keys: { tenantId: string; id: string | null }[]): RowKey[] {
  const distinct = new Map<string, RowKey>()
  for (const { tenantId, id } of keys)
    if (id !== null) distinct.set(`${tenantId}/${id}`, { tenantId, id })
  return [...distinct.values()].toSorted(byKey)
}

export function keyOf({ tenantId, id }: RowKey): string {
  return `${tenantId}/${id}`
}

export function byKey(a: RowKey, b: RowKey): number {
  if (a.tenantId !== b.tenantId) return a.tenantId < b.tenantId ? -1 : 1
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0
}

export function columnsOf(keys: readonly RowKey[]): [string[], string[]] {
  return [keys.map((key) => key.tenantId), keys.map((key) => key.id)]
}
