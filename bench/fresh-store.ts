import { chmod, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startStockPostgres } from '../chaos/stock-postgres.ts'
import { createEmbeddedPostgres } from '../src/embedded/postgres.ts'
import { migrate } from '../src/store/migrate.ts'
import { closePool, openPool, type Db } from '../src/store/pool.ts'

export interface FreshStore {
  db: Db
  databaseUrl: string
  /** A folder for blobs and other files. */
  folder: string
  /** The processor time that the server has used so far, in µs. null where there is no /proc, or no server of our own. */
  serverCpu(): Promise<number | null>
}

export interface FreshStoreOptions {
  /** An existing server, which is left filled, instead of a Postgres of our own. */
  databaseUrl?: string | undefined
  /** The major version of a server with its default settings, as an operator would have it. Absent: the embedded one. */
  stock?: string | undefined
  /** Settings for the embedded Postgres, named as in postgresql.conf. */
  settings?: Record<string, string>
  /** Leaves the database without a schema: a server of another version makes its own. */
  isBare?: boolean
  /** A folder of an embedded Postgres that is kept, and a database in it, instead of an empty one. */
  keptIn?: { folder: string; database: string } | undefined
}

/** Runs a Postgres that is migrated and empty, and makes a folder beside it. Both are gone when `use` is done. */
export async function withFreshStore(
  use: (store: FreshStore) => Promise<void>,
  options: FreshStoreOptions = {},
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'runmill-bench-'))
  // When we are root the server runs as another user, who cannot enter a folder of mode 0700.
  await chmod(folder, 0o755)
  const server = await startServer(folder, options)
  try {
    const db = openPool(server.url)
    try {
      if (options.isBare !== true) await migrate(db)
      const serverCpu = async (): Promise<number | null> => readCpu(server.pidFile)
      await use({ db, databaseUrl: server.url, folder, serverCpu })
    } finally {
      await closePool(db)
    }
  } finally {
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

interface Server {
  url: string
  pidFile: string | null
  stop(): Promise<void>
}

async function startServer(
  folder: string,
  { databaseUrl, stock, settings = {}, keptIn }: FreshStoreOptions,
): Promise<Server> {
  if (databaseUrl !== undefined) return { url: databaseUrl, pidFile: null, stop: async () => {} }
  const dataDir = keptIn?.folder ?? join(folder, 'postgres')
  if (stock === undefined) {
    const embedded = createEmbeddedPostgres({ dataDir, settings })
    const url = await embedded.start()
    return {
      url: keptIn === undefined ? url : url.replace(/\/postgres$/, `/${keptIn.database}`),
      pidFile: join(dataDir, 'postgres', 'postmaster.pid'),
      stop: async () => embedded.stop(),
    }
  }
  await mkdir(dataDir)
  const options = { version: Number(stock), hasOwnDisk: false }
  const { url, stop } = await startStockPostgres(dataDir, options)
  return { url, pidFile: join(dataDir, 'disk', 'cluster', 'postmaster.pid'), stop }
}

/** Sums up what a server and its children used, those that have ended included. */
async function readCpu(pidFile: string | null): Promise<number | null> {
  if (pidFile === null || process.platform !== 'linux') return null
  const pid = Number.parseInt(await readFile(pidFile, 'utf8'), 10)
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
  const ticks = await Promise.all(
    [pid, ...children.split(' ').filter(Boolean)].map(async (each) => readTicks(each)),
  )
  return ticks.reduce((sum, each) => sum + each, 0) * microsPerTick
}

/** USER_HZ is 100 on every architecture that Node runs on. */
const microsPerTick = 10_000

/** utime, stime, and the same of the children that were waited for: fields 14 to 17 of proc(5). */
async function readTicks(pid: string | number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields.slice(11, 15).reduce((sum, each) => sum + (Number(each) || 0), 0)
}
