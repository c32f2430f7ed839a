import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createEmbeddedPostgres } from '../src/embedded/postgres.ts'
import { migrate } from '../src/store/migrate.ts'
import { closePool, openPool, type Db } from '../src/store/pool.ts'

export interface FreshStore {
  db: Db
  databaseUrl: string
  /** A folder for blobs and other files. */
  folder: string
}

export interface FreshStoreOptions {
  /** An existing server, which is left filled, instead of a Postgres of our own. */
  databaseUrl?: string | undefined
  /** Settings for the Postgres of our own, named as in postgresql.conf. */
  settings?: Record<string, string>
  /** Leaves the database without a schema: a server of another version makes its own. */
  isBare?: boolean
}

/** Runs a Postgres that is migrated and empty, and makes a folder beside it. Both are gone when `use` is done. */
export async function withFreshStore(
  use: (store: FreshStore) => Promise<void>,
  { databaseUrl, settings = {}, isBare = false }: FreshStoreOptions = {},
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'runmill-bench-'))
  // When we are root the server runs as another user, who cannot enter a folder of mode 0700.
  await chmod(folder, 0o755)
  const postgres =
    databaseUrl === undefined
      ? createEmbeddedPostgres({ dataDir: join(folder, 'postgres'), settings })
      : null
  try {
    const url = databaseUrl ?? (await postgres!.start())
    const db = openPool(url)
    try {
      if (!isBare) await migrate(db)
      await use({ db, databaseUrl: url, folder })
    } finally {
      await closePool(db)
    }
  } finally {
    await postgres?.stop()
    await rm(folder, { recursive: true, force: true })
  }
}
