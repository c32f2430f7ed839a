import sql, { raw, type Sql } from 'sql-template-tag'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Db } from '../../pool.ts'
import { runComposed, runStatement, tenant } from '../../statements.ts'
import { blobMarkDeleteOfBlob } from '../blobs/blob-marks.ts'

/**
 * Every table with rows of tenants, in the order in which they are emptied: what refers to a row goes before it, so that
 * no statement has to remove more than its chunk. Blobs are removed with their bytes, and keys at the end.
 */
const tables = [
  'feedback_tokens',
  'feedback',
  'run_items',
  'runs',
  'traces',
  'trace_aggregates',
  'experiment_aggregates',
  'experiment_sums',
  'experiment_dirty_marks',
  'aggregate_passes',
  'dirty_traces',
  'dead_letters',
  'shares',
  'comparative_experiments',
  'experiments',
  'dataset_tags',
  'examples',
  'datasets',
  'feedback_configs',
  'score_configs',
  'score_directions',
  'media_traces',
  'media',
  'repricings',
  'price_tables',
  'model_prices',
] as const
const lastTables = ['blobs', 'blob_marks', 'api_keys'] as const

/** The names of all of them. */
export const tenantTables: readonly string[] = [...tables, ...lastTables]

/** How many rows one statement deletes: enough to be quick, few enough not to hold locks for long. */
const chunkLength = 1000

/** Rows of a tenant by table, with the records of what it deleted itself as `tombstones`. */
export type TenantRows = Readonly<Record<string, number>>

export interface DeletionSteps {
  now: Timestamp
  /** Removes a blob to which nothing refers, with its bytes. */
  removeBlob(blobId: string): Promise<void>
  /**
   * Resolves once every write that may have missed the deletion has ended.
   * @param deletedAt when it was first asked for
   */
  settle(deletedAt: Timestamp): Promise<void>
  /** A chunk of a table is gone. */
  progress(table: string, rows: number): void
}

/**
 * Deletes a tenant with all that it has, in chunks. From the first step on its keys are refused, and what still waits in
 * the queue is dropped. It may be stopped and repeated at any point.
 * @returns how many rows are left: 0 in every table, unless something was written all the time
 */
export async function tenantDelete(
  db: Db,
  tenantId: string,
  { now, removeBlob, settle, progress }: DeletionSteps,
): Promise<TenantRows> {
  const deletedAt = await db.begin(async (transaction) => {
    const [row] = await runStatement<{ deletedAt: Timestamp }>(
      transaction,
      'tenant_tombstone_upsert',
      [tenantId, now],
    )
    await runStatement(transaction, 'api_key_update_all_revoked', [tenantId, now])
    return row!.deletedAt
  })
  const empty = async (): Promise<void> => {
    for (const table of tables) await deleteRows(table)
    await removeBlobs()
    await deleteRows('blob_marks')
    await deleteRows('tombstones')
  }
  await empty()
  await settle(deletedAt)
  await empty()
  await deleteRows('api_keys')
  await runStatement(db, 'tenant_delete', [tenantId])
  return tenantCountRows(db, tenantId)

  async function deleteRows(table: string): Promise<void> {
    for (;;) {
      const count = await tenantDeleteRows(db, tenantId, table)
      if (count === 0) return
      progress(table, count)
    }
  }

  async function removeBlobs(): Promise<void> {
    for (let last: string | null = null; ; ) {
      const found: { id: string }[] = await runStatement(db, 'blob_list_of_tenant', [
        tenantId,
        last,
        chunkLength,
      ])
      if (found.length === 0) return
      last = found.at(-1)!.id
      for (const { id } of found) {
        await removeBlob(id)
        await blobMarkDeleteOfBlob(db, tenantId, id)
      }
      progress('blobs', found.length)
    }
  }
}

async function tenantDeleteRows(db: Db, tenantId: string, table: string): Promise<number> {
  const statement = sql`
-- name: tenant_delete_rows
-- Deletes some rows of a tenant from a table, but for the record of its own deletion. A repeat deletes the next ones.
-- May take minutes.
delete from ${raw(table)}
where tenant_id = ${tenant} and ctid = any (array(
  select held.ctid from ${raw(table)} as held
  where held.tenant_id = ${tenant} and ${exceptOwn(table)}
  limit ${chunkLength}
))
returning 1 as gone`
  return (await runComposed(db, tenantId, statement)).length
}

/** Counts the rows of a tenant, table by table. */
export async function tenantCountRows(db: Db, tenantId: string): Promise<TenantRows> {
  const counts: Record<string, number> = {}
  for (const table of [...tenantTables, 'tombstones']) {
    const statement = sql`
-- name: tenant_count_rows
-- Counts the rows of a tenant in a table, but for the record of its own deletion. Reads only.
-- May take minutes.
select count(*) as count from ${raw(table)} as held
where held.tenant_id = ${tenant} and ${exceptOwn(table)}`
    const [row] = await runComposed<{ count: number }>(db, tenantId, statement)
    counts[table] = row!.count
  }
  return counts
}

/** That record stays, so that no later write brings something back. */
function exceptOwn(table: string): Sql {
  return table === 'tombstones' ? sql`held.kind <> 'tenant'` : sql`true`
}

/** Whether the deletion of a tenant was asked for, or is done. */
export async function tenantIsDeleted(db: Db, tenantId: string): Promise<boolean> {
  return (await runStatement(db, 'tenant_tombstone_find', [tenantId])).length > 0
}
