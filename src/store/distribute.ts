import type { Db, Queryable } from './pool.ts'

/** Thrown when the tables cannot be distributed. The message is for the operator. */
export class DistributionError extends Error {
  override name = 'DistributionError'
}

/** Tables that every node has whole: what refers to them is everywhere, and a key is all that a request has. */
const wholeTables = ['tenants', 'api_keys']

/** The table with which all others of a tenant are placed. */
const firstTable = 'traces'

/** What was done. All are empty when everything was distributed already. */
export interface Distribution {
  /** Tables that every node has whole now. */
  whole: string[]
  /** Tables whose rows are placed by tenant now. */
  byTenant: string[]
  /** Foreign keys that were dropped for that, and are there again. */
  foreignKeys: number
}

/**
 * Distributes the tables of a migrated database with Citus: the rows of a tenant in all tables are on one node. What was
 * distributed before is left as it is, so a repeat does the rest: the tables of later migrations. It is one transaction, which
 * copies what the tables hold, and during which nobody writes them.
 * @throws DistributionError when the server has no Citus
 */
export async function distribute(db: Db): Promise<Distribution> {
  if (!(await hasCitus(db))) {
    throw new DistributionError(
      'The database has no extension citus: create it there and on every node, and add the nodes, as docs/scaling.md says.',
    )
  }
  return db.begin(async (transaction) => {
    // The default, several connections to a node, does not see what this transaction has changed.
    await transaction`set local citus.multi_shard_modify_mode = 'sequential'`
    // Our triggers write only rows of the tenant whose row fired them, which are on the same node.
    await transaction`set local citus.enable_unsafe_triggers = 'on'`
    const tables = await undistributedTables(transaction)
    const whole = tables.filter((table) => wholeTables.includes(table))
    const others = tables.filter((table) => !whole.includes(table) && table !== firstTable)
    const byTenant = tables.includes(firstTable) ? [firstTable, ...others] : others
    const keys = await foreignKeysOf(transaction, tables)
    for (const { table, name } of keys) {
      await transaction`alter table ${transaction(table)} drop constraint ${transaction(name)}`
    }
    // As long as the rows take to be copied.
    const patiently = { limit: 'none' } as const
    for (const table of whole) {
      await transaction.unsafe('select create_reference_table($1)', [table], patiently)
    }
    for (const table of byTenant) {
      const beside = table === firstTable ? 'default' : firstTable
      await transaction.unsafe(
        `select create_distributed_table($1, 'tenant_id', colocate_with => $2)`,
        [table, beside],
        patiently,
      )
    }
    await distributeFunctions(transaction)
    for (const { table, name, definition } of keys) {
      const add = `alter table "${table}" add constraint "${name}" ${definition}`
      await transaction.unsafe(add, [], patiently)
    }
    return { whole, byTenant, foreignKeys: keys.length }
  }) as Promise<Distribution>
}

async function hasCitus(db: Queryable): Promise<boolean> {
  return (await db`select from pg_extension where extname = 'citus'`).length > 0
}

/** Those that have a tenant, and the tenants themselves. */
async function undistributedTables(db: Queryable): Promise<string[]> {
  const rows = await db<{ name: string }[]>`
    select c.relname as name
    from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
      and (c.relname = 'tenants' or exists (
        select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
      ))
      -- Citus adds local tables that refer to a whole one by itself, as neither.
      and not exists (
        select from pg_dist_partition p
        where p.logicalrelid = c.oid and (p.partmethod = 'h' or p.repmodel = 't')
      )
    order by c.relname`
  return rows.map((row) => row.name)
}

/** The foreign keys from and to these tables. */
async function foreignKeysOf(
  db: Queryable,
  tables: string[],
): Promise<{ table: string; name: string; definition: string }[]> {
  return db`
    select conrelid::regclass::text as table, conname as name, pg_get_constraintdef(oid) as definition
    from pg_constraint
    where contype = 'f' and connamespace = 'public'::regnamespace
      and (conrelid::regclass::text = any (${tables}) or confrelid::regclass::text = any (${tables}))
    order by conrelid::regclass::text, conname`
}

/** Makes sure that every node has the functions that statements and triggers call. */
async function distributeFunctions(db: Queryable): Promise<void> {
  const functions = await db<{ name: string; isTrigger: boolean }[]>`
    select p.oid::regprocedure::text as name, p.prorettype = 'trigger'::regtype as is_trigger
    from pg_proc p
    where p.pronamespace = 'public'::regnamespace and p.prokind = 'f' and p.proname like 'runmill\_%'
    order by 1`
  for (const { name, isTrigger } of functions) {
    await db`select create_distributed_function(${name})`
    // A trigger fires where the row is, and the table that it writes is looked up from there.
    if (isTrigger) {
      await db.unsafe(`alter function ${name} set citus.allow_nested_distributed_execution = on`)
    }
  }
}
