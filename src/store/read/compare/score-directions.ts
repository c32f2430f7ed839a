import sql from 'sql-template-tag'
import type { Db } from '../../pool.ts'
import { runComposed, tenant } from '../../statements.ts'

/** Lists by key whether a lower score is better, where a config of the key says so. */
export async function scoreDirectionList(
  db: Db,
  tenantId: string,
): Promise<ReadonlyMap<string, boolean>> {
  const statement = sql`
-- name: score_direction_list
-- Which way scores are better, by key. Reads only.
select key, bool_or(is_lower_score_better) as is_lower_better from feedback_configs
where tenant_id = ${tenant} and deleted_at is null and is_lower_score_better is not null
group by key`
  const rows = await runComposed<{ key: string; isLowerBetter: boolean }>(db, tenantId, statement)
  return new Map(rows.map(({ key, isLowerBetter }) => [key, isLowerBetter]))
}
