import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createEmbeddedPostgres } from '../src/embedded/postgres.ts'
import { migrate } from '../src/store/migrate.ts'
import { closePool, openPool, type Db } from '../src/store/pool.ts'

export interface FreshStore {
  db: Db
  databaseUrl: string
  /** For blobs and such. */
  folder: string
}

export interface FreshStoreOptions {
  /** A server that exists, which is left filled, in place of a Postgres of our own. */
  databaseUrl?: string | undefined
  /** Of the Postgres of our own, as postgresql.conf has them. */
  settings?: Record<string, string>
}

/** A Postgres of its own, migrated and empty, and a folder beside it; both gone when `use` is done. */
export async function withFreshStore(
  use: (store: FreshStore) => Promise<void>,
  { databaseUrl, settings = {} }: FreshStoreOptions = {},
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'runmill-bench-'))
  // As root the server is another user, who cannot enter a 0700 folder.
  await chmod(folder, 0o755)
  const postgres =
    databaseUrl === undefined
      ? createEmbeddedPostgres({ dataDir: join(folder, 'postgres'), settings })
      : null
  try {
    const url = databaseUrl ?? (await postgres!.start())
    const db = openPool(url)
    try {
      await migrate(db)
      await use({ db, databaseUrl: url, folder })
    } finally {
      await closePool(db)
    }
  } finally {
    await postgres?.stop()
    await rm(folder, { recursive: true, force: true })
  }
}
