import { readdirSync, readFileSync } from 'node:fs'
import type { Db } from './pool.ts'

const folder = new URL('../../migrations/', import.meta.url)

/** The number of the advisory lock that processes which start at the same time contend for. It spells `RUNM`. */
const advisoryLock = 0x52554e4d

/**
 * Thrown when a newer version has changed the schema in a way that this version cannot work with. The message is for
 * the operator.
 */
export class SchemaTooNewError extends Error {
  override name = 'SchemaTooNewError'
}

/**
 * Brings the schema up to date, with each migration in a transaction of its own. Does nothing when it is up to date
 * already. A newer version may have applied further migrations: this version works with compatible ones and refuses
 * breaking ones.
 * @throws SchemaTooNewError
 */
export async function migrate(db: Db): Promise<void> {
  const names = migrationNames()
  const connection = await db.reserve()
  try {
    // Another process may be migrating, for as long as it takes.
    await connection.unsafe('select pg_advisory_lock($1)', [advisoryLock], { limit: 'none' })
    await connection`
      create table if not exists schema_migrations (
        name text primary key,
        applied_at timestamptz not null default now()
      )`
    // The flag is null for migrations that were applied by a version which did not store it.
    await connection`alter table schema_migrations add column if not exists is_breaking boolean`
    const rows = await connection<{ name: string; isBreaking: boolean | null }[]>`
      select name, is_breaking from schema_migrations order by name`
    const applied = new Map(rows.map((row) => [row.name, row.isBreaking]))
    refuseNewer([...applied].filter(([name]) => !names.includes(name)))
    for (const name of names) {
      const flag = applied.get(name)
      if (flag !== undefined && flag !== null) continue
      const { text, isBreaking } = readMigration(name)
      if (flag === null) {
        await connection`update schema_migrations set is_breaking = ${isBreaking} where name = ${name}`
        continue
      }
      await connection.unsafe(
        `begin;\n${text}\n;insert into schema_migrations (name, is_breaking) values ('${name}', ${isBreaking});\ncommit;`,
        [],
        { limit: 'none' },
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

/** An unknown migration without a stored flag could be breaking, so it is treated as breaking. */
function refuseNewer(unknown: [name: string, isBreaking: boolean | null][]): void {
  const breaking = unknown.find(([, isBreaking]) => isBreaking !== false)
  if (breaking === undefined) return
  throw new SchemaTooNewError(
    `The database was migrated by a newer version of Runmill (${breaking[0]}), and this one cannot work with it: start the newer version.`,
  )
}

/** Returns the file names of the migrations in the order in which they apply. */
export function migrationNames(): string[] {
  return readdirSync(folder)
    .filter((name) => /^\d{4}_[a-z0-9_]+\.sql$/.test(name))
    .toSorted()
}

/**
 * Line 1 of a migration says whether processes of the previous version may go on working beside it: `-- compatible` or
 * `-- breaking`.
 */
function readMigration(name: string): { text: string; isBreaking: boolean } {
  const text = readFileSync(new URL(name, folder), 'utf8')
  const [, flag] = /^-- (compatible|breaking)\n/.exec(text) ?? []
  if (flag === undefined)
    throw new Error(`${name} does not begin with -- compatible or -- breaking`)
  return { text, isBreaking: flag === 'breaking' }
}
