import { chmod, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { closePool, openPool, type Db } from '../src/store/pool.ts'
import { findLastingPort } from './lasting-port.ts'
import { startRedis, type RedisServer } from '../test/support/redis.ts'
import { startFaultProxy, type FaultProxy } from './proxy.ts'
import { createServerProcess, type ServerProcess } from './server-process.ts'
import { startStockPostgres, type StockPostgres } from './stock-postgres.ts'

export type Mode = 'redis' | 'postgres' | 'embedded'

/** The whole system under test, in processes of its own. */
export interface System {
  readonly mode: Mode
  readonly description: string
  /** Processes that serve the API. In the embedded mode one process does everything. */
  readonly apis: readonly ServerProcess[]
  readonly workers: readonly ServerProcess[]
  /** null in the embedded mode. */
  readonly postgres: StockPostgres | null
  readonly redis: FaultableRedis | null
  /** What stands between the processes and the servers. */
  readonly proxies: {
    readonly postgres: readonly FaultProxy[]
    readonly redis: readonly FaultProxy[]
  }
  /** Where the processes' logs are. */
  readonly folder: string
  readonly publicKey: string
  readonly secretKey: string
  readonly tenantId: string
  /** What ended without our signal, or badly. */
  readonly ends: readonly string[]
  /** A pool to the database that passes no proxy. In the embedded mode its port changes with each start. */
  readonly db: () => Promise<Db>
  /** The pid of the embedded Postgres; null when none runs. */
  embeddedPostmaster(): Promise<number | null>
  stop(options: { keepFolder: boolean }): Promise<void>
}

export interface FaultableRedis {
  kill(): Promise<void>
  start(): Promise<void>
  command(...args: string[]): Promise<unknown>
}

const root = fileURLToPath(new URL('..', import.meta.url))
const script = join(root, 'dist', 'src', 'main.js')
const tenantId = 'c4a05000-0000-4000-8000-000000000001'
const publicKey = 'pk-lf-chaos'
const secretKey = 'sk-lf-chaos'

export async function startSystem(mode: Mode): Promise<System> {
  const folder = await mkdtemp(join(tmpdir(), 'runmill-chaos-'))
  await chmod(folder, 0o755)
  const undo: (() => Promise<void>)[] = []
  async function stop({ keepFolder }: { keepFolder: boolean }): Promise<void> {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) {
      await step().catch((error: unknown) => console.error(error))
    }
    if (!keepFolder) await rm(folder, { recursive: true, force: true })
  }
  try {
    return { ...(await startIn(folder, mode, undo)), stop }
  } catch (error) {
    await stop({ keepFolder: true })
    throw error
  }
}

async function startIn(
  folder: string,
  mode: Mode,
  undo: (() => Promise<void>)[],
): Promise<Omit<System, 'stop'>> {
  const ends: string[] = []
  const environment: Record<string, string> = {
    RUNMILL_INIT_TENANT_ID: tenantId,
    RUNMILL_INIT_PUBLIC_KEY: publicKey,
    RUNMILL_INIT_SECRET_KEY: secretKey,
    RUNMILL_DATA_DIR: join(folder, 'data'),
  }
  await mkdir(join(folder, 'data'))
  await chmod(join(folder, 'data'), 0o755)

  const postgres = mode === 'embedded' ? null : await startStockPostgres(folder)
  if (postgres !== null) undo.push(async () => postgres.stop())
  const redis = mode === 'redis' ? await openRedis(undo) : null

  const proxies: { postgres: FaultProxy[]; redis: FaultProxy[] } = { postgres: [], redis: [] }
  async function through(kind: 'postgres' | 'redis', port: number): Promise<number> {
    const proxy = await startFaultProxy(port)
    proxies[kind].push(proxy)
    undo.push(async () => proxy.close())
    return proxy.port
  }

  async function makeProcess(name: string, role: string): Promise<ServerProcess> {
    const settings = { ...environment, ROLE: role }
    if (postgres !== null) {
      const port = await through('postgres', postgres.port)
      Object.assign(settings, { DATABASE_URL: `postgres://runmill@127.0.0.1:${port}/postgres` })
    }
    if (redis !== null) {
      const port = await through('redis', redis.server.port)
      Object.assign(settings, { REDIS_URL: `redis://127.0.0.1:${port}` })
    }
    const made = createServerProcess({
      name,
      script,
      port: await findLastingPort(),
      environment: settings,
      logFile: join(folder, `${name}.log`),
      onEnd: (sentence) => ends.push(sentence),
    })
    undo.push(async () => {
      made.thaw()
      // The one process stops its Postgres, which kill -9 would leave behind.
      await (mode === 'embedded' ? made.terminate() : made.kill())
    })
    return made
  }

  const names = mode === 'embedded' ? ['server'] : ['api-1', 'api-2']
  const apis: ServerProcess[] = []
  for (const name of names) apis.push(await makeProcess(name, mode === 'embedded' ? 'all' : 'api'))
  const workers: ServerProcess[] = []
  for (const name of mode === 'embedded' ? [] : ['worker-1', 'worker-2']) {
    workers.push(await makeProcess(name, 'worker'))
  }
  // All at once, on an empty database: each of them migrates.
  await Promise.all([...apis, ...workers].map(async (each) => each.start()))

  return {
    mode,
    description: describe(postgres, redis, mode),
    apis,
    workers,
    postgres,
    redis,
    proxies,
    folder,
    publicKey,
    secretKey,
    tenantId,
    ends,
    embeddedPostmaster: async () => {
      const file = join(folder, 'data', 'postgres', 'postmaster.pid')
      const text = await readFile(file, 'utf8').catch(() => '')
      return Number(text.split('\n')[0]) || null
    },
    db: openPools(async () => postgres?.url ?? readFile(join(folder, 'data', 'url'), 'utf8'), undo),
  }
}

function describe(postgres: StockPostgres | null, redis: object | null, mode: Mode): string {
  if (postgres === null) return 'one process on the embedded Postgres'
  const queue = redis === null ? 'the queue in the same Postgres' : 'Redis with appendfsync always'
  return `2 APIs and 2 workers (${mode}); ${postgres.description}; ${queue}`
}

/** @returns a function that gives the pool to the database where it is now */
function openPools(
  findUrl: () => Promise<string>,
  undo: (() => Promise<void>)[],
): () => Promise<Db> {
  let open: { url: string; db: Db } | null = null
  undo.push(async () => {
    if (open !== null) await closePool(open.db)
  })
  return async () => {
    const url = await findUrl()
    if (open?.url !== url) {
      const old = open
      open = { url, db: openPool(url, { max: 3 }) }
      if (old !== null) void closePool(old.db).catch(() => {})
    }
    return open.db
  }
}

async function openRedis(
  undo: (() => Promise<void>)[],
): Promise<FaultableRedis & { server: RedisServer }> {
  const settings = ['--appendfsync', 'always', '--maxmemory-policy', 'noeviction']
  const server = await startRedis(settings)
  undo.push(async () => server.stop())
  return {
    server,
    kill: async () => server.kill(),
    start: async () => server.start(),
    async command(name, ...args) {
      const client = new Redis(server.url, { maxRetriesPerRequest: 2 })
      client.on('error', () => {})
      try {
        return await client.call(name, ...args)
      } finally {
        client.disconnect()
      }
    },
  }
}
