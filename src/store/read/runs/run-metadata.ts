import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Queryable } from '../../pool.ts'
import { runStatement } from '../../statements.ts'

export interface RunMetadataQuery {
  experimentId: string
  /** null: every key, up to the 200 most frequent. */
  keys: string[] | null
  /** The number of values per key. */
  limit: number
  isRootOnly: boolean
  startTime: Timestamp | null
}

/** Lists the metadata values of an experiment's runs as text, by key, the most frequent first. */
export async function runListMetadataValues(
  db: Queryable,
  tenantId: string,
  { experimentId, keys, limit, isRootOnly, startTime }: RunMetadataQuery,
): Promise<Map<string, string[]>> {
  const rows = await runStatement<{ key: string; values: string[] }>(
    db,
    'run_list_metadata_values',
    [tenantId, experimentId, keys, limit, isRootOnly, startTime],
  )
  return new Map(rows.map((row) => [row.key, row.values]))
}
