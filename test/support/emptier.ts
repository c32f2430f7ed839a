import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import postgres from 'postgres'

export interface Emptier {
  /** Removes every row, but not what migrations and the first start have written, and the files of blobs. */
  empty(): Promise<void>
  close(): Promise<void>
}

/**
 * `delete` and not `truncate`: the tables are small, and a truncate writes files. Without triggers, because nothing is
 * left that a foreign key could protect, and to look for it in 20 tables takes longer than all the rest. Nodes of a cluster
 * do look, so tenants come last. On a connection
 * of its own, which keeps the plans: to change the role would make any other forget them.
 */
export function createEmptier(url: string, blobFolder: string): Emptier {
  const connection = {
    session_replication_role: 'replica',
    'citus.multi_shard_modify_mode': 'sequential',
  }
  const sql = postgres(url, { max: 1, fetch_types: false, connection })
  let prepared: Promise<void> | null = null
  async function prepare(): Promise<void> {
    const rows = await sql<{ name: string }[]>`
      select tablename as name from pg_tables
      where schemaname = 'public' and tablename not in ('schema_migrations', 'secrets')
      order by tablename = 'tenants', tablename`
    const deletes = rows.map(({ name }) => `delete from ${name};`).join(' ')
    await sql.unsafe(
      `create function pg_temp.empty_all() returns void language plpgsql as 'begin ${deletes} end'`,
    )
  }
  return {
    async empty() {
      prepared ??= prepare()
      await prepared
      await sql`select pg_temp.empty_all()`
      await emptyFolder(blobFolder)
    },
    close: async () => sql.end(),
  }
}

/** Removes the files of blobs. What arrives is received in a folder beside them. */
async function emptyFolder(blobFolder: string): Promise<void> {
  for (const name of await readdir(blobFolder)) {
    if (name !== 'incoming') await rm(join(blobFolder, name), { recursive: true, force: true })
  }
  await mkdir(join(blobFolder, 'incoming'), { recursive: true })
}
