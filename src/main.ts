import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import { buildApiHandlers, buildHandlers, scheduleRepeating } from '../workers/index.ts'
import { createProgress } from '../workers/progress.ts'
import { startWatchdog } from '../workers/watchdog.ts'
import { printBanner } from './banner.ts'
import { createBlobSigner } from './blobs/signing.ts'
import type { BlobStore } from './blobs/store.ts'
import { createConfiguredBlobs } from './configured-blobs.ts'
import { readConfig, type Config } from './config.ts'
import { systemClock } from './domain/clock.ts'
import type { Log } from './domain/log.ts'
import type { Tracing } from './domain/tracing.ts'
import { createEmbeddedPostgres } from './embedded/postgres.ts'
import { hasProcessEnded, nameThisProcess } from './embedded/process-identity.ts'
import { type AppOptions, buildApp } from './http/app.ts'
import { type HealthApart, HealthPortError, serveHealthApart } from './http/health/apart.ts'
import type { TellRequest } from './http/front-door/request-log.ts'
import { buildHealthApp } from './http/health/app.ts'
import type { Progress } from './http/health/health.ts'
import type { App } from './http/services.ts'
import { exitCodeOf, exitCodes, reportFailure } from './failure.ts'
import { createFirstKeys, ensureGivenKeys } from './initial-tenant.ts'
import { createMetrics, type Metrics } from './metrics/metrics.ts'
import type { QueueBackend } from './queue/backend.ts'
import { postgresBackend } from './queue/backends/postgres.ts'
import { redisBackend } from './queue/backends/redis.ts'
import { reduceError } from './reduced-error.ts'
import { startAdapting } from './store/adapt.ts'
import { type Heartbeat, openHealthPool, pingPool, startHeartbeat } from './store/heartbeat.ts'
import { migrate } from './store/migrate.ts'
import { closePool, type Db, openPool } from './store/pool.ts'
import { watchPool } from './store/pool-use.ts'
import { findPooler } from './store/pooler.ts'
import type { Replica } from './store/replica.ts'
import {
  keysPoolSize,
  openKeysPool,
  openRequestPool,
  openRequestReplica,
  type ReadLine,
} from './store/request-pool.ts'
import { secretEnsure } from './store/write/secrets.ts'
import { hostOf, listen, reach, reasonOf, StartError } from './start-error.ts'
import { onRestarts, tellSupervisor } from './supervisor.ts'
import { startTracing } from './tracing/start.ts'
import { watchUnheldErrors } from './unheld-errors.ts'

/** How many new connections the kernel may queue while the event loop is busy, if its own somaxconn allows it. */
const backlog = 4096

/** The most connections of the pool of ingestion, and of that of requests. */
const poolSize = 10

/** LISTEN, which wakes the workers, would reach nobody. */
const poolerAlone =
  'DATABASE_URL leads to a pooler such as PgBouncer, and queues in Postgres need connections of their own: set REDIS_URL, or let DATABASE_URL lead to Postgres itself.'

/** Where the build puts the page. */
const pageFolder = fileURLToPath(new URL('../page', import.meta.url))

/** The port on which health is served unless RUNMILL_HEALTH_PORT is set. */
const defaultHealthPort = 3900

interface Runmill {
  /**
   * Starts in order: database, schema, queue, workers, HTTP. When a step fails, `stop` undoes those that were done.
   */
  start(): Promise<void>
  /**
   * Stops in reverse. May be called twice, during a start, and without one.
   * @param drainMs how long requests are still served before that, while readiness is red
   */
  stop(drainMs: number): Promise<void>
}

function composeRunmill(
  config: Config,
  log: Log & { debug: TellRequest },
  metrics: Metrics,
  onCrash: (sentence: string) => void,
): Runmill {
  const steps: { name: string; undo: () => Promise<void> }[] = []
  const clock = systemClock
  let stopping: Promise<void> | null = null
  let whenStopping = (): void => {}
  let serving: App | null = null

  async function start(): Promise<void> {
    // Health starts first and stops last, so that it also answers while a migration runs.
    const health = await startHealth()
    steps.push({ name: 'health', undo: async () => health.stop() })
    whenStopping = () => health.stopping()
    const tracing = await startTracing(config, log)
    steps.push({ name: 'tracing', undo: async () => tracing?.stop() })
    const databaseUrl = config.databaseUrl ?? (await startEmbedded())

    const pooler = await reach(`Postgres at ${hostOf(databaseUrl)}`, 'DATABASE_URL', async () =>
      findPooler(databaseUrl),
    )
    if (pooler !== null && config.redisUrl === null) throw new StartError(poolerAlone)

    const keep = (name: string, max: number, open: (line: ReadLine) => Db): Db => {
      const use = metrics.pool(name, max)
      const pool = watchPool(open(use), use)
      steps.push({ name: `pool of ${name}`, undo: async () => closePool(pool) })
      return pool
    }
    // Apart, so that no number of reads, at whatever cost, keeps events from being applied or readiness from being told.
    const db = keep('ingestion', poolSize, () => openPool(databaseUrl, { max: poolSize, pooler }))
    const heartbeat = startHeartbeat(databaseUrl, pooler)
    const heartbeatDb = keep('heartbeat', 1, () => heartbeat.db)
    // Apart, because it also counts over all tenants, which takes for ever while a node of a cluster hangs.
    const healthDb = keep('health', 1, () => openHealthPool(databaseUrl, pooler))
    steps.push({ name: 'heartbeat', undo: async () => heartbeat.stop() })
    const openForRequests = async () => {
      const keysDb = keep('keys', keysPoolSize, () => openKeysPool(databaseUrl, heartbeat, pooler))
      const { databaseReadUrl } = config
      const replica = databaseReadUrl === null ? null : await startReplica(databaseReadUrl, keysDb)
      const options = { max: poolSize, silence: heartbeat, pooler, replica }
      const requestDb = keep('requests', poolSize, (line) =>
        openRequestPool(databaseUrl, { ...options, line }),
      )
      return { db: requestDb, healthDb, keysDb, replica }
    }
    const forRequests = config.role === 'worker' ? null : await openForRequests()
    await migrate(db)
    const stopAdapting = await startAdapting(db)
    steps.push({ name: 'statistics', undo: async () => stopAdapting() })
    await ensureGivenKeys(db, clock, config.initialTenant)

    // Started before the queue, so that it is stopped after the jobs that need it.
    const blobs = forRequests && (await startBlobs(forRequests.db))
    const queue = await openQueue(databaseUrl, heartbeat)
    steps.push({ name: 'queue', undo: async () => queue.stop() })
    metrics.counter(
      'runmill_queue_emptied_total',
      'How often the queue was found emptied or set back: accepted events may be lost.',
      () => queue.losses().emptied,
    )
    metrics.counter(
      'runmill_queue_schedules_repaired_total',
      'Repeating jobs that were missing from the queue and were created anew.',
      () => queue.losses().schedulesRepaired,
    )
    const [where, setting] =
      config.redisUrl === null
        ? ([`Postgres at ${hostOf(databaseUrl)}`, 'DATABASE_URL'] as const)
        : ([`Redis at ${hostOf(config.redisUrl)}`, 'REDIS_URL'] as const)
    await reach(where, setting, async () => queue.start())

    const progress =
      config.role === 'api' ? null : createProgress(clock, (lane) => metrics.lane(lane))
    if (progress !== null) {
      metrics.counter(
        'runmill_retention_traces_total',
        'Traces that were removed because they were older than their tenant keeps them.',
        () => progress.retainedTraces(),
      )
    }
    await queue.work({
      ...(progress === null ? {} : buildHandlers({ db, queue, clock, log, progress, tracing })),
      ...(blobs === null ? {} : buildApiHandlers({ db, queue, clock, log, blobs })),
    })
    await scheduleRepeating(queue)
    const watchdog =
      progress &&
      startWatchdog({
        progress,
        contact: async () => Promise.all([pingPool(heartbeatDb), queue.ping()]),
        onStuck: (seconds) =>
          onCrash(
            `The workers have finished nothing for ${seconds} s, though Postgres and the queue answer.`,
          ),
      })
    steps.push({ name: 'watchdog', undo: async () => watchdog?.stop() })
    const shown = progress && watchdog && { ...progress, ...watchdog }
    const app =
      forRequests === null || blobs === null
        ? await buildHealthApp({ db: healthDb, queue, clock, progress: shown, metrics })
        : await buildWholeApp(forRequests, queue, blobs, shown, tracing)
    steps.push({ name: 'http', undo: async () => app.close() })
    const url = await listen(config, 'PORT', async () =>
      app.listen({ host: config.host, port: config.port, backlog }),
    )
    serving = app
    health.report(app.healthState)
    // Last, because keys are shown only once: a start that failed after making them would never show them.
    const keys = await createFirstKeys(db, clock, config.initialTenant)
    if (stopping === null) {
      const tenantName = config.initialTenant.name
      printBanner({ role: config.role, url, healthUrl: health.url, keys, tenantName })
      tellSupervisor('ready')
    }
  }

  async function buildWholeApp(
    pools: Pick<AppOptions, 'db' | 'healthDb' | 'keysDb' | 'replica'>,
    queue: QueueBackend,
    blobs: BlobStore,
    progress: Progress | null,
    tracing: Tracing | null,
  ): Promise<App> {
    const { publicUrl, trustProxy, interactiveWaitMs, maxBodyBytes } = config
    const { backlogBytes, rateLimit } = config
    const blobSigner = createBlobSigner(await secretEnsure(pools.db, 'blob-links', clock.now()))
    const served = {
      ...pools,
      queue,
      blobs,
      blobSigner,
      clock,
      log,
      publicUrl,
      interactiveWaitMs,
      pageFolder,
    }
    return buildApp({
      ...served,
      progress,
      metrics,
      maxBodyBytes,
      backlogBytes,
      rateLimit,
      trustProxy,
      tracing,
      ...(['debug', 'trace'].includes(config.logLevel)
        ? { tellRequest: (facts, message) => log.debug(facts, message) }
        : {}),
    })
  }

  async function startHealth(): Promise<HealthApart> {
    const { host, port, healthPort } = config
    if (healthPort !== null) {
      const given = { host, port: healthPort }
      return listen(given, 'RUNMILL_HEALTH_PORT', async () =>
        serveHealthApart({ host, listenPort: healthPort }),
      )
    }
    // The default port must not prevent the start when it is taken.
    const isFree = port === 0 || port === defaultHealthPort
    const settings = { host, listenPort: isFree ? 0 : defaultHealthPort }
    return serveHealthApart(settings).catch(async (error: unknown) => {
      if (error instanceof HealthPortError && error.code === 'EADDRINUSE') {
        return serveHealthApart({ host, listenPort: 0 })
      }
      // For example, this machine does not have the address. PORT would fail in the same way, with this sentence.
      return listen(config, 'PORT', async () => Promise.reject(error))
    })
  }

  async function startBlobs(db: Db): Promise<BlobStore> {
    const { blobs, where, setting } = createConfiguredBlobs(config, { db, clock, log })
    steps.push({ name: 'blobs', undo: async () => blobs.stop() })
    await reach(where, setting, async () => blobs.start())
    return blobs
  }

  async function startReplica(url: string, primary: Db): Promise<Replica> {
    const max = poolSize
    const replica = await openRequestReplica({ url, primary, max, onRead: metrics.replica() })
    steps.push({ name: 'replica', undo: async () => replica.stop() })
    return replica
  }

  async function startEmbedded(): Promise<string> {
    const embedded = createEmbeddedPostgres({
      dataDir: config.dataDir,
      onCrash: (logFile) => onCrash(`The embedded Postgres ended by itself (see ${logFile}).`),
    })
    steps.push({ name: 'embedded Postgres', undo: async () => embedded.stop() })
    return embedded.start()
  }

  async function openQueue(
    databaseUrl: string,
    { whileAnswering }: Heartbeat,
  ): Promise<QueueBackend> {
    const owner = { id: await nameThisProcess(), hasEnded: hasProcessEnded }
    const { redisUrl, isStrict, redisReplicas: replicas, ingestShards: shards } = config
    if (redisUrl === null) {
      // The embedded server is ours alone (the lock on its folder): what is held there was held by a process that is dead.
      const isAlone = config.databaseUrl === null
      return postgresBackend({ url: databaseUrl, log, owner, isAlone, whileAnswering })
    }
    try {
      return redisBackend({ url: redisUrl, log, owner, isStrict, replicas, shards })
    } catch (error) {
      throw new StartError(`REDIS_URL cannot be used: ${reasonOf(error)}.`, { cause: error })
    }
  }

  async function drain(ms: number): Promise<void> {
    if (serving === null || ms === 0) return
    serving.drain()
    await pause(ms)
  }

  async function undoAll(): Promise<void> {
    for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
      const { name } = step
      await step.undo().catch((error: unknown) => log.error({ err: error }, `${name} did not stop`))
    }
  }

  return {
    start,
    stop: async (drainMs) => {
      whenStopping()
      stopping ??= drain(drainMs).then(undoAll)
      await stopping
    },
  }
}

/**
 * A second Ctrl-C forces the exit. npm passes on a signal that the terminal has already sent to us: within this time
 * it counts as the same one.
 */
const sameSignalMs = 500
/** Longer than a running request or job may take. Then we exit, because supervisors kill after some 30 s. */
const stopTimeoutMs = 20_000

async function main(): Promise<void> {
  const config = readConfig()
  const log = pino({ level: config.logLevel, serializers: { err: reduceError } })
  // After an error that may have left anything half done. Still in order, so that the embedded Postgres stops too.
  const unheldErrors = watchUnheldErrors(process, log, (error) => {
    reportFailure(error)
    void end(exitCodes.failed)
  })
  const metrics = createMetrics()
  metrics.counter(
    'runmill_unheld_errors_total',
    'Errors of connections that nobody held, and that the process survived.',
    unheldErrors.count,
  )
  onRestarts(metrics.restarted)
  const runmill = composeRunmill(config, log, metrics, (sentence) => {
    console.error(`runmill: ${sentence}`)
    void end(exitCodes.failed)
  })
  let endingSince: number | null = null

  async function end(code: number, drainMs = 0): Promise<void> {
    if (endingSince !== null) return
    endingSince = Date.now()
    setTimeout(() => {
      console.error(`runmill: Not stopped after ${stopTimeoutMs / 1000} s, leaving.`)
      process.exit(code === exitCodes.stopped ? 1 : code)
    }, drainMs + stopTimeoutMs).unref()
    await runmill.stop(drainMs)
    process.exit(code)
  }

  // `npm start` was killed: nobody would stop us any more, and the embedded Postgres neither.
  process.once('disconnect', () => void end(exitCodes.stopped))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (endingSince !== null && Date.now() - endingSince > sameSignalMs) process.exit(1)
      // Ctrl-C comes from somebody who waits.
      void end(exitCodes.stopped, signal === 'SIGTERM' ? config.drainSeconds * 1000 : 0)
    })
  }

  try {
    await runmill.start()
  } catch (error) {
    // A stop during the start makes the start fail, which is not an error.
    if (endingSince !== null) return
    reportFailure(error)
    await end(exitCodeOf(error))
  }
}

try {
  await main()
} catch (error) {
  reportFailure(error)
  process.exitCode = exitCodeOf(error)
}
