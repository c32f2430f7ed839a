import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Db, Queryable } from '../../pool.ts'
import { runStatement } from '../../statements.ts'

export interface Tenant {
  id: string
  name: string
}

export interface ListedTenant extends Tenant {
  createdAt: Timestamp
  /** For how many days it keeps its traces; null: for ever. */
  retentionDays: number | null
}

export interface TenantState {
  oldestTraceAt: Timestamp | null
  /** Its deletion has begun and is not done. */
  isDeleted: boolean
}

/** @returns true when the tenant is new; false also when one with that id was deleted */
export async function tenantInsert(db: Db, { id, name }: Tenant, now: Timestamp): Promise<boolean> {
  return (await runStatement(db, 'tenant_insert', [id, name, now])).length > 0
}

/**
 * Makes the tenant only when there is none at all, also when two processes start at once.
 * @returns true when it was made
 */
export async function tenantInsertFirst(
  db: Db,
  { id, name }: Tenant,
  now: Timestamp,
): Promise<boolean> {
  return (await runStatement(db, 'tenant_insert_first', [id, name, now])).length > 0
}

/** Lists all tenants, oldest first. */
export async function tenantList(db: Db): Promise<ListedTenant[]> {
  return runStatement<ListedTenant>(db, 'tenant_list', [])
}

export async function tenantFindState(db: Db, tenantId: string): Promise<TenantState> {
  const [state] = await runStatement<TenantState>(db, 'tenant_find_state', [tenantId])
  return state!
}

export async function tenantUpdateName(db: Db, tenantId: string, name: string): Promise<void> {
  await runStatement(db, 'tenant_update_name', [tenantId, name])
}

/** Lets only one transaction at a time make a dataset or an experiment in the tenant. Ingestion is not held up. */
export async function tenantLock(transaction: Queryable, tenantId: string): Promise<void> {
  await runStatement(transaction, 'tenant_lock', [tenantId])
}
