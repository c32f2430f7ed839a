import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import type { Db, Queryable } from './pool.ts'

const folder = new URL('../../migrations/', import.meta.url)

/** The number of the advisory lock that processes which start at the same time contend for. It spells `RUNM`. */
const advisoryLock = 0x52554e4d
/** How long a process waits before it looks again whether another one is still migrating. */
const busyMs = 200

/**
 * Thrown when a newer version has changed the schema in a way that this version cannot work with. The message is for
 * the operator.
 */
export class SchemaTooNewError extends Error {
  override name = 'SchemaTooNewError'
}

/**
 * Brings the schema up to date, each migration in a transaction of its own, so that a process that is killed leaves nothing
 * half done. Does nothing when it is up to date already. A newer version may have applied further migrations: this version
 * works with compatible ones and refuses breaking ones.
 * @throws SchemaTooNewError
 */
export async function migrate(db: Db): Promise<void> {
  for (;;) {
    const outcome = await db.begin(migrateOnce)
    if (outcome === 'up to date') return
    if (outcome === 'busy') await setTimeout(busyMs)
  }
}

/** Applies the next migration, or finds that there is none, unless another process is doing so. */
async function migrateOnce(sql: Queryable): Promise<'applied' | 'up to date' | 'busy'> {
  // It ends with the transaction, whatever becomes of this process. Nobody waits in it: twenty that start would hold as many
  // connections, for as long as another one migrates.
  const [lock] = await sql<{ isMine: boolean }[]>`
    select pg_try_advisory_xact_lock(${advisoryLock}) as is_mine`
  if (!lock!.isMine) return 'busy'
  await sql`
    create table if not exists schema_migrations (
      name text primary key,
      applied_at timestamptz not null default now(),
      is_breaking boolean
    )`
  // The flag is null for migrations that were applied by a version which did not store it. The column is looked for first,
  // because a backup that is being made keeps the table from being altered.
  const [table] = await sql<{ isOld: boolean }[]>`
    select not exists (
      select from pg_attribute where attrelid = 'schema_migrations'::regclass and attname = 'is_breaking' and not attisdropped
    ) as is_old`
  if (table!.isOld) await sql`alter table schema_migrations add column is_breaking boolean`
  const rows = await sql<{ name: string; isBreaking: boolean | null }[]>`
    select name, is_breaking from schema_migrations order by name`
  const applied = new Map(rows.map((row) => [row.name, row.isBreaking]))
  const names = migrationNames()
  refuseNewer([...applied].filter(([name]) => !names.includes(name)))
  for (const name of names) {
    const flag = applied.get(name)
    if (flag !== undefined && flag !== null) continue
    const { text, isBreaking } = readMigration(name)
    if (flag === null) {
      await sql`update schema_migrations set is_breaking = ${isBreaking} where name = ${name}`
      continue
    }
    await sql.unsafe(text, [], { limit: 'none' })
    await sql`insert into schema_migrations (name, is_breaking) values (${name}, ${isBreaking})`
    return 'applied'
  }
  return 'up to date'
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
