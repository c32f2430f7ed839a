import { readdirSync, readFileSync } from 'node:fs'
import type { Db } from './pool.ts'

const folder = new URL('../../migrations/', import.meta.url)

/** One lock for all processes that start at once: `RUNM`. */
const advisoryLock = 0x52554e4d

/** Brings the schema up to date, each migration in a transaction of its own. Does nothing when it is. */
export async function migrate(db: Db): Promise<void> {
  const connection = await db.reserve()
  try {
    await connection`select pg_advisory_lock(${advisoryLock})`
    await connection`
      create table if not exists schema_migrations (
        name text primary key,
        applied_at timestamptz not null default now()
      )`
    const rows = await connection<{ name: string }[]>`select name from schema_migrations`
    const applied = new Set(rows.map((row) => row.name))
    for (const name of migrationNames()) {
      if (applied.has(name)) continue
      const text = readFileSync(new URL(name, folder), 'utf8')
      await connection.unsafe(
        `begin;\n${text}\n;insert into schema_migrations (name) values ('${name}');\ncommit;`,
      )
    }
  } catch (error) {
    await connection`rollback`.catch(() => {})
    throw error
  } finally {
    await connection`select pg_advisory_unlock(${advisoryLock})`.catch(() => {})
    connection.release()
  }
}

/** File names in the order they apply. */
export function migrationNames(): string[] {
  return readdirSync(folder)
    .filter((name) => /^\d{4}_[a-z0-9_]+\.sql$/.test(name))
    .toSorted()
}
