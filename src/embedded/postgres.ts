import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { locateBinaries } from './binaries.ts'
import { EmbeddedPostgresError } from './errors.ts'
import { lockFolder, readLockHolder } from './folder-lock.ts'
import { identifyProcess, readCommandLine } from './process-identity.ts'
import { findServerUser, type ServerUser } from './server-user.ts'

export interface EmbeddedPostgresOptions {
  /** Everything is kept in here: the cluster, its password, the server's log, the lock. Made when missing. */
  dataDir: string
  /** postgresql.conf settings that override `durableSettings`. */
  settings?: Record<string, string>
  /** Called when the server ends without being asked to. */
  onCrash?: (logFile: string) => void
}

export interface EmbeddedPostgres {
  /** Resolves to the URL of the database, `postgres://…@127.0.0.1:port/postgres`, once it takes connections. */
  start(): Promise<string>
  stop(): Promise<void>
}

/**
 * Settings for a laptop: an idle server takes about 30 MiB. Memory is taken only as data is touched, so
 * shared_buffers bounds it. There is no replication, so the WAL carries only what recovery needs. Reads are plain
 * system calls (io_method), which saves three I/O workers.
 */
const durableSettings: Record<string, string> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '100',
  shared_buffers: '64MB',
  work_mem: '16MB',
  maintenance_work_mem: '64MB',
  max_wal_size: '1GB',
  wal_level: 'minimal',
  max_wal_senders: '0',
  io_method: 'sync',
  // Ends running statements of a process that was killed.
  ...(process.platform === 'win32' ? {} : { client_connection_check_interval: '2s' }),
  timezone: 'UTC',
  log_timezone: 'UTC',
  fsync: 'on',
  synchronous_commit: 'on',
}

/** Of the binaries in the npm package. */
export const majorVersion = '18'

const startTimeoutMs = 60_000
/**
 * A fast shutdown ends running statements and writes a checkpoint, which takes a while on a slow disk with much modified
 * memory. If it takes longer than this, an immediate shutdown follows, and the next start recovers from the WAL. The limit
 * has to fit into the time that src/main.ts allows for the whole stop, of which HTTP and the pools may need 10 s.
 */
const stopTimeoutMs = 8000
const killAfterMs = 5_000

/**
 * Runs a Postgres server of our own, in a folder of its own, on a free loopback port. `start` and `stop` may be
 * called twice, and `stop` without `start`. A server that a killed Runmill left running in the folder is stopped
 * first, and the new one recovers from its WAL.
 * @throws EmbeddedPostgresError
 */
export function createEmbeddedPostgres(options: EmbeddedPostgresOptions): EmbeddedPostgres {
  const dataDir = resolve(options.dataDir)
  let started: Promise<Running> | null = null

  return {
    start: async () => {
      started ??= startIn(dataDir, options)
      try {
        return (await started).url
      } catch (error) {
        started = null
        throw error
      }
    },
    stop: async () => {
      const running = await started?.catch(() => null)
      started = null
      await running?.stop()
    },
  }
}

/** Returns the URL of the server that a live Runmill has started in `dataDir`; null when none runs. */
export async function findRunningUrl(dataDir: string): Promise<string | null> {
  const url = await readFile(join(dataDir, 'url'), 'utf8').catch(() => null)
  const pid = await readPostmasterPid(join(resolve(dataDir), 'postgres'))
  return pid === null ? null : url
}

interface Running {
  url: string
  stop(): Promise<void>
}

async function startIn(dataDir: string, options: EmbeddedPostgresOptions): Promise<Running> {
  await mkdir(dataDir, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    throw new EmbeddedPostgresError(
      `The data folder ${dataDir} cannot be made (${error.code}): set RUNMILL_DATA_DIR.`,
    )
  })
  const unlock = await lockFolder(dataDir)
  try {
    const user = await findServerUser()
    const binaries = await locateBinaries()
    const cluster = join(dataDir, 'postgres')
    await stopOrphan(cluster)
    const password = await readOrMakePassword(dataDir)
    if (existsSync(join(cluster, 'PG_VERSION'))) await expectOwnVersion(cluster)
    else await initialise(binaries.initdb, cluster, password, user)
    const server = await launch(binaries.postgres, dataDir, cluster, user, options)
    const url = `postgres://runmill:${password}@127.0.0.1:${server.port}/postgres`
    await writeFile(join(dataDir, 'url'), url, { mode: 0o600 })
    return {
      url,
      stop: async () => {
        await server.stop()
        await rm(join(dataDir, 'url'), { force: true })
        await unlock()
      },
    }
  } catch (error) {
    await unlock()
    throw error
  }
}

/** @throws EmbeddedPostgresError when another major version of Postgres made the cluster, which ours cannot read */
async function expectOwnVersion(cluster: string): Promise<void> {
  const version = (await readFile(join(cluster, 'PG_VERSION'), 'utf8')).trim()
  if (version === majorVersion) return
  throw new EmbeddedPostgresError(
    `The data in ${cluster} is of Postgres ${version}, and this Runmill comes with Postgres ${majorVersion}: start the version of Runmill that made it, dump it with pg_dump --format=custom --no-toast-compression --file=runmill.dump "$(cat ${join(dirname(cluster), 'url')})", and restore it as docs/operations.md says (A new major version of the embedded Postgres).`,
  )
}

async function readOrMakePassword(dataDir: string): Promise<string> {
  const path = join(dataDir, 'password')
  const kept = await readFile(path, 'utf8').catch(() => null)
  if (kept !== null) return kept
  const password = randomBytes(24).toString('hex')
  await writeFile(path, password, { mode: 0o600 })
  return password
}

/**
 * Runs initdb in a folder next to the cluster's and renames it once complete, so that a start that is cut off leaves
 * nothing half made.
 */
async function initialise(
  initdb: string,
  cluster: string,
  password: string,
  user: ServerUser,
): Promise<void> {
  const draft = `${cluster}.new`
  const passwordFile = `${cluster}.password`
  await rm(draft, { recursive: true, force: true })
  await mkdir(draft, { mode: 0o700 })
  await writeFile(passwordFile, password, { mode: 0o600 })
  await user.own(draft)
  await user.own(passwordFile)
  try {
    // The built-in locale C.UTF-8 sorts by code point on every machine, whichever C library it has.
    const { command, args, options } = await user.launch(
      initdb,
      [
        `--pgdata=${draft}`,
        '--username=runmill',
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        '--locale=C',
        '--no-instructions',
      ],
      [draft, passwordFile],
    )
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] })
    let output = ''
    child.stderr.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
    const code = await new Promise<number | null>((done, fail) => {
      child.on('error', fail)
      child.on('close', done)
    })
    if (code !== 0)
      throw new EmbeddedPostgresError(`The embedded Postgres could not be set up: ${output.trim()}`)
    await rename(draft, cluster)
  } finally {
    await rm(passwordFile, { force: true })
  }
}

interface Server {
  port: number
  stop(): Promise<void>
}

async function launch(
  postgres: string,
  dataDir: string,
  cluster: string,
  user: ServerUser,
  { settings, onCrash }: EmbeddedPostgresOptions,
): Promise<Server> {
  const logFile = join(dataDir, 'postgres.log')
  await rename(logFile, `${logFile}.1`).catch(() => {})
  const port = await findFreePort()
  const flags = Object.entries({ ...durableSettings, ...settings, port: String(port) }).flatMap(
    ([name, value]) => ['-c', `${name}=${value}`],
  )
  const { command, args, options } = await user.launch(
    postgres,
    ['-D', cluster, ...flags],
    [cluster],
  )
  // The server writes to a file and has a session of its own. It must outlive a Ctrl-C in our terminal, because we
  // stop it last; and it must not die of a broken pipe in the middle of a commit when we are killed.
  const log = await open(logFile, 'a', 0o600)
  const child = spawn(command, args, {
    ...options,
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  })
  let stopping = false
  const exited = new Promise<void>((done) => {
    child.once('error', () => done())
    child.once('exit', () => done())
  })
  await log.close()

  // However we exit, the server is told to stop. Only kill -9 leaves it running, for the next start to find.
  // If a stop is in progress already, there is no time left for a fast shutdown.
  const tellToStop = () => child.kill(stopping ? 'SIGQUIT' : 'SIGINT')
  process.once('exit', tellToStop)

  let ended = false
  void exited.then(() => {
    ended = true
  })
  for (const deadline = Date.now() + startTimeoutMs; !(await isReady(cluster, child.pid)); ) {
    if (ended || Date.now() > deadline) {
      child.kill('SIGQUIT')
      throw new EmbeddedPostgresError(
        `The embedded Postgres did not start: ${await whatLogSays(logFile)}`,
      )
    }
    await pause(10)
  }
  void exited.then(() => {
    if (!stopping) onCrash?.(logFile)
  })
  return {
    port,
    stop: async () => {
      stopping = true
      child.kill('SIGINT')
      const late = setTimeout(() => child.kill('SIGQUIT'), stopTimeoutMs)
      await exited
      clearTimeout(late)
      process.off('exit', tellToStop)
    },
  }
}

/**
 * True once the postmaster has written `ready` into the eighth line of its pid file, which is where pg_ctl looks too.
 */
async function isReady(cluster: string, pid: number | undefined): Promise<boolean> {
  const text = await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => '')
  const lines = text.split('\n')
  return Number(lines[0]) === pid && lines[7]?.trim() === 'ready'
}

/**
 * Stops the server that a killed Runmill left running. Its pid file may by now name an unrelated process, which is
 * left alone.
 */
export async function stopOrphan(cluster: string): Promise<void> {
  const pid = await readPostmasterPid(cluster)
  if (pid !== null) {
    signalProcess(pid, 'SIGINT')
    const deadline = Date.now() + stopTimeoutMs
    while ((await identifyProcess(pid)) !== null) {
      if (Date.now() > deadline) signalProcess(pid, 'SIGQUIT')
      // One that is stopped (SIGSTOP) hears of nothing else.
      if (Date.now() > deadline + killAfterMs) signalProcess(pid, 'SIGKILL')
      await pause(20)
    }
  }
  await rm(join(cluster, 'postmaster.pid'), { force: true })
}

/** Sends a signal to a process that may have ended meanwhile. */
function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/**
 * Stops the server of a Runmill that was killed, when nothing is going to start in its folder again.
 * @param pid the id that the killed process had; when another has taken the folder over since, nothing is done
 */
export async function stopLeftBehind(dataDir: string, pid: number): Promise<void> {
  if ((await readLockHolder(dataDir)) !== pid) return
  await stopOrphan(join(resolve(dataDir), 'postgres'))
}

/** Returns the process id of the live server of this cluster; null when there is none. */
async function readPostmasterPid(cluster: string): Promise<number | null> {
  const text = await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => '')
  const pid = Number.parseInt(text, 10)
  if (!(pid > 0)) return null
  return (await readCommandLine(pid)).includes(` ${cluster} `) ? pid : null
}

async function findFreePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((done, fail) => {
    probe.once('error', fail)
    probe.listen(0, '127.0.0.1', done)
  })
  const address = probe.address()
  await new Promise((done) => probe.close(done))
  if (address === null || typeof address === 'string')
    throw new EmbeddedPostgresError('No free port.')
  return address.port
}

async function whatLogSays(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '')
  const lines = text.trim().split('\n')
  const line = lines.findLast((each) => each.includes('FATAL: ')) ?? lines.at(-1) ?? ''
  return `${line.replace(/^.*?FATAL: +/, '')} (see ${path})`
}
