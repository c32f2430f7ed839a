import { mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { createEmbeddedPostgres } from '../../src/embedded/postgres.ts'
import { migrate } from '../../src/store/migrate.ts'
import { closePool, openPool, type Db } from '../../src/store/pool.ts'
import { withFreshStore, type FreshStore } from '../fresh-store.ts'
import { fillHistory, findHistory, type History, type HistorySizes } from './rows.ts'

export interface HistoryOptions {
  /**
   * A folder whose Postgres is kept, with a database for each size: what an earlier benchmark filled is used again.
   * Absent: a temporary one.
   */
  keptIn?: string | undefined
  /** Leaves the tables as they are right after a burst: neither vacuumed nor analyzed. */
  isFresh?: boolean
  /** Lends a copy of what is kept, so that what is written is gone afterwards. */
  isScratch?: boolean
}

/** Runs a Postgres that holds a history of this size. */
export async function withHistory(
  sizes: HistorySizes,
  { keptIn, isFresh = false, isScratch = false }: HistoryOptions,
  use: (store: FreshStore, history: History) => Promise<void>,
): Promise<void> {
  const settings: Record<string, string> = isFresh ? { autovacuum: 'off' } : {}
  if (keptIn !== undefined) {
    await fillKept(keptIn, sizes, { isFresh, isScratch })
    await withFreshStore(async (store) => use(store, (await findHistory(store.db))!), {
      settings,
      keptIn: { folder: resolve(keptIn), database: isScratch ? scratch : databaseOf(sizes) },
    })
    return
  }
  await withFreshStore(
    async (store) => {
      await fillHistory(store.db, sizes, !isFresh, tell)
      await use(store, (await findHistory(store.db))!)
    },
    { settings },
  )
}

/** A day. What fills a store may be slow. */
const unlimited = { usualMs: 86_400_000, longMs: 86_400_000 }

function databaseOf({ runs }: HistorySizes): string {
  return `runs_${runs}`
}

const scratch = 'scratch'

/** Makes the database of this size, unless it is there. One that was not finished is made anew. */
async function fillKept(
  folder: string,
  sizes: HistorySizes,
  { isFresh, isScratch }: { isFresh: boolean; isScratch: boolean },
): Promise<void> {
  await mkdir(folder, { recursive: true })
  const server = createEmbeddedPostgres({
    dataDir: resolve(folder),
    // Nothing is lost with a fill that breaks off.
    settings: {
      fsync: 'off',
      full_page_writes: 'off',
      synchronous_commit: 'off',
      shared_buffers: '2GB',
      maintenance_work_mem: '1GB',
      max_wal_size: '8GB',
    },
  })
  const url = await server.start()
  const admin = openPool(url, { max: 1, limits: unlimited })
  const name = databaseOf(sizes)
  const unfinished = `${name}_unfinished`
  try {
    await admin`drop database if exists ${admin(scratch)}`
    const found = await admin`select from pg_database where datname = ${name}`
    if (found.length === 0) {
      await admin`drop database if exists ${admin(unfinished)}`
      await admin`create database ${admin(unfinished)}`
      const db = openPool(url.replace(/\/postgres$/, `/${unfinished}`), { limits: unlimited })
      try {
        await fill(db, sizes, isFresh)
      } finally {
        await closePool(db)
      }
      await admin`alter database ${admin(unfinished)} rename to ${admin(name)}`
    }
    // What an earlier version filled gets the migrations since.
    const kept = openPool(url.replace(/\/postgres$/, `/${name}`), { limits: unlimited })
    try {
      await migrate(kept)
    } finally {
      await closePool(kept)
    }
    if (isScratch) {
      await admin`create database ${admin(scratch)} template ${admin(name)} strategy file_copy`
    }
    await admin.unsafe('checkpoint', [], { limit: 'none' })
  } finally {
    await closePool(admin)
    await server.stop()
  }
}

async function fill(db: Db, sizes: HistorySizes, isFresh: boolean): Promise<void> {
  await migrate(db)
  await fillHistory(db, sizes, !isFresh, tell)
}

let told = ''
/** On the error output, a line for each tenth of a step. */
function tell(step: string, part: number): void {
  const line = `${step}: ${Math.floor(part * 10) * 10} %`
  if (line !== told) console.error(line)
  told = line
}
