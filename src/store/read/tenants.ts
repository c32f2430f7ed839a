import type { Db } from '../pool.ts'
import { runStatement } from '../statements.ts'

/** Reads the names of tenants, by their ids. */
export async function tenantListAmong(db: Db, ids: string[]): Promise<Map<string, string>> {
  const rows = await runStatement<{ id: string; name: string }>(db, 'tenant_list_among', [ids])
  return new Map(rows.map(({ id, name }) => [id, name]))
}
