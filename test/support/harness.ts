import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type { Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { InjectOptions, LightMyRequestResponse as InjectedAnswer } from 'fastify'
import { inject } from 'vitest'
import { localHome } from '../../src/blobs/backends/local.ts'
import { createBlobStore } from '../../src/blobs/content-store.ts'
import { type BlobSigner, createBlobSigner } from '../../src/blobs/signing.ts'
import type { BlobHome, BlobStore } from '../../src/blobs/store.ts'
import type { Clock } from '../../src/domain/clock.ts'
import type { IngestEvent } from '../../src/domain/events.ts'
import type { Log } from '../../src/domain/log.ts'
import { fromEpochMs, toEpochMs } from '../../src/domain/timestamp.ts'
import { buildApp, type FrontDoorLimits } from '../../src/http/app.ts'
import type { TellRequest } from '../../src/http/front-door/request-log.ts'
import type { App } from '../../src/http/services.ts'
import { createMetrics } from '../../src/metrics/metrics.ts'
import { inlineBackend, type InlineBackend } from '../../src/queue/backends/inline.ts'
import { closePool, type Db, type RequestLimits } from '../../src/store/pool.ts'
import { openRequestPool } from '../../src/store/request-pool.ts'
import { secretEnsure } from '../../src/store/write/secrets.ts'
import { buildApiHandlers, buildHandlers } from '../../workers/index.ts'
import { createProgress } from '../../workers/progress.ts'
import { checkDocumented } from './documented-answers.ts'
import { createEmptier, type Emptier } from './emptier.ts'
import { createTestDatabase } from './postgres.ts'
import { type SwitchedHome, switchedHome } from './switched-home.ts'
import { insertTenant, type TestTenant } from './tenant.ts'

type Method = NonNullable<InjectOptions['method']>

export interface Answer {
  status: number
  /** Parsed when the answer is JSON; otherwise the text. */
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers of every shape
  body: any
  text: string
  headers: Record<string, unknown>
}

/** A clock that moves only when told to, except that every reading is a millisecond later than the one before. */
export interface TestClock extends Clock {
  advance(ms: number): void
  reset(): void
}

export interface Harness {
  app: App
  db: Db
  queue: InlineBackend
  clock: TestClock
  blobs: BlobStore
  blobSigner: BlobSigner
  /** Where the local blob store keeps its files. */
  blobFolder: string
  tenant: TestTenant
  /** What was logged as an error, for tests that expect none. */
  errors: string[]
  /** Sends a request as `tenant`, with the key that the dialect of the path uses. */
  call(
    method: Method,
    url: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer>
  /** Sends a request as another tenant. */
  callAs(
    tenant: TestTenant,
    method: Method,
    url: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer>
  addTenant(): Promise<TestTenant>
  /** Resolves once every accepted event is applied. */
  drain(): Promise<void>
  /** Serves on a port of its own until the test ends. A server that ends so is used again by others. @returns its address */
  listen(): Promise<string>
  /** Puts events into the queue as an API process would, and drains. */
  ingest(...events: IngestEvent[]): Promise<void>
  /** What a test does that needs several servers one after another: this one is then used again, as it is at the end of the test. */
  close(): Promise<void>
}

export interface HarnessOptions {
  /** Default: a local folder of its own. */
  blobHome?: BlobHome
  publicUrl?: string
  /** Default: no proxy is trusted. */
  trustProxy?: boolean | string
  /** Limits of the statements of requests that differ from those of the real server. */
  statementLimits?: Partial<RequestLimits>
  /** Default: 1 GiB. */
  backlogBytes?: number
  /** Default: no limit. */
  rateLimit?: number
  /** The folder of a built page. Default: there is none. */
  pageFolder?: string
  /** Default: those of a real server. */
  limits?: Partial<FrontDoorLimits>
  /** Is told of every request. Default: nobody is. */
  tellRequest?: TellRequest
  /** Set by a test that changes the app itself: no other test gets that app. */
  isOwn?: true
}

/** What takes time to make, and is used again by the next test. */
interface Server {
  app: App
  db: Db
  queue: InlineBackend
  clock: TestClock
  blobs: BlobStore
  blobSigner: BlobSigner
  blobHome: SwitchedHome
  blobFolder: string
  errors: string[]
  emptier: Emptier
  close(): Promise<void>
}

/**
 * The whole server in this process: real Postgres, inline queue, real handlers. Every test finds it empty. Where
 * nothing but rows has to be undone it is kept for the next test, of this file or another. It closes itself.
 */
export async function harness(options: HarnessOptions = {}): Promise<Harness> {
  const { blobHome, ...others } = options
  const isPlain = Object.keys(others).length === 0
  const server = (isPlain ? idle.pop() : undefined) ?? (await startServer(others))
  if (blobHome !== undefined) await server.blobHome.use(blobHome)
  const { app, db, queue, clock } = server
  const tenant = await insertTenant(db)
  let isClosed = false

  const h: Harness = {
    ...server,
    tenant,
    call: async (method, url, body, headers) => h.callAs(tenant, method, url, body, headers),
    callAs: async (as, method, url, body, headers = {}) => {
      const response = await app.inject({
        method,
        url,
        headers: {
          ...(url.startsWith('/api/public')
            ? { authorization: as.basic }
            : { 'x-api-key': as.secretKey }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined
          ? {}
          : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
      })
      const isJson = /\bjson\b/.test(String(response.headers['content-type']))
      return {
        status: response.statusCode,
        body: isJson && response.body !== '' ? JSON.parse(response.body) : response.body,
        text: response.body,
        headers: response.headers,
      }
    },
    addTenant: async () => insertTenant(db),
    drain: async () => queue.drain(),
    listen: async () => {
      if (!app.server.listening) {
        await app.ready()
        await once(app.server.listen(0, '127.0.0.1'), 'listening')
        listening.add(app.server)
      }
      return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
    },
    ingest: async (...events) => {
      await queue.enqueue('ingest', [
        { batchId: randomUUID(), tenantId: tenant.id, receivedAt: clock.now(), events },
      ])
      await queue.drain()
    },
    close: async () => {
      if (isClosed) return
      isClosed = true
      if (listening.delete(app.server)) await stopListening(app.server)
      if (isPlain && (await isReusable(server))) {
        await server.blobHome.use(null)
        await server.emptier.empty()
        server.clock.reset()
        server.errors.length = 0
        idle.push(server)
      } else {
        await server.close()
      }
    },
  }
  logged.push(server.errors)
  used.push(h.close)
  return h
}

/** Servers that were made to listen by `listen`, which can end without closing the app. */
const listening = new Set<HttpServer>()

async function stopListening(server: HttpServer): Promise<void> {
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
}

const idle: Server[] = []
/** How to give back each harness of the running test. */
const used: (() => Promise<void>)[] = []
/** The errors that each of them has logged. */
const logged: string[][] = []

/** Called after a test that failed (setup.ts): what the server logged often says why. */
export function reportErrors(): void {
  for (const errors of logged) for (const error of errors) console.error(`logged: ${error}`)
}

/** Called after each test (setup.ts). */
export async function giveBackHarnesses(): Promise<void> {
  logged.length = 0
  for (const giveBack of used.splice(0)) await giveBack()
}

/** As many as most files need at a time. Each holds a database and five connections. */
const keptServers = 2

/**
 * Called after each file (setup.ts). Keeps servers for the next file of this worker: to start one takes half a second
 * of a core. They end with the worker.
 */
export async function closeHarnesses(): Promise<void> {
  for (const server of idle.splice(0)) {
    if (idle.length < keptServers && (await isSmall(server.db))) idle.push(server)
    else await server.close()
  }
}

/** False when so much was written that the deleted rows would slow the next tests down. Empty it has 9 MB. */
async function isSmall(db: Db): Promise<boolean> {
  const [row] = await db<{ size: number }[]>`
    select pg_database_size(current_database())::bigint as size`
  return row!.size < 32 * 2 ** 20
}

async function startServer({
  publicUrl,
  backlogBytes = 1024 ** 3,
  rateLimit = 0,
  pageFolder,
  trustProxy = false,
  statementLimits = {},
  limits = {},
  tellRequest,
}: Omit<HarnessOptions, 'blobHome'>): Promise<Server> {
  const database = await createTestDatabase()
  const db = openRequestPool(database.url, {
    max: 5,
    // Longer than any machine takes.
    limits: {
      listMs: 60_000,
      countMs: 60_000,
      statisticsMs: 60_000,
      lockMs: 60_000,
      connectionMs: 60_000,
      ...statementLimits,
    },
  })
  const queue = inlineBackend()
  const clock = createTestClock()
  const errors: string[] = []
  const log: Log = {
    info: () => {},
    warn: () => {},
    error: (facts, message) => void errors.push(`${message} ${JSON.stringify(facts, errorText)}`),
  }
  await queue.start()
  const metrics = createMetrics()
  const progress = createProgress(clock, (lane) => metrics.lane(lane))
  const blobFolder = await mkdtemp(join(inject('scratchFolder'), 'blobs-'))
  const emptier = createEmptier(database.url, blobFolder)
  const home = switchedHome(localHome(blobFolder))
  const incomingFolder = join(blobFolder, 'incoming')
  const blobs = createBlobStore({ db, clock, log, incomingFolder, home })
  await blobs.start()
  await queue.work({
    ...buildHandlers({ db, queue, clock, log, progress }),
    ...buildApiHandlers({ db, queue, clock, log, blobs }),
  })
  const blobSigner = createBlobSigner(await secretEnsure(db, 'blob-links', clock.now()))
  const app = await buildApp({
    db,
    healthDb: db,
    keysDb: db,
    replica: null,
    queue,
    blobs,
    blobSigner,
    publicUrl: publicUrl ?? null,
    clock,
    log,
    progress,
    metrics,
    // Longer than any machine takes: what a test has written it reads back.
    interactiveWaitMs: 60_000,
    maxBodyBytes: 20_971_520,
    backlogBytes,
    rateLimit,
    pageFolder: pageFolder ?? null,
    trustProxy,
    limits,
    ...(tellRequest === undefined ? {} : { tellRequest }),
  })
  checkAnswers(app)
  return {
    app,
    db,
    queue,
    clock,
    blobs,
    blobSigner,
    blobHome: home,
    blobFolder,
    errors,
    emptier,
    close: async () => {
      await app.close()
      await blobs.stop()
      await rm(blobFolder, { recursive: true, force: true })
      await queue.stop()
      await closePool(db)
      await emptier.close()
      await database.drop()
    },
  }
}

/** Makes every answer of the app a test of the OpenAPI document. */
function checkAnswers(app: App): void {
  const inject = app.inject.bind(app) as (options: InjectOptions) => Promise<InjectedAnswer>
  const checked = async (options: InjectOptions | string): Promise<InjectedAnswer> => {
    const request = typeof options === 'string' ? { url: options } : options
    const url = typeof request.url === 'string' ? request.url : ''
    const answer = await inject(request)
    const type = answer.headers['content-type']
    checkDocumented(
      app,
      { method: request.method ?? 'GET', url },
      { status: answer.statusCode, type: type?.toString(), text: answer.body },
    )
    return answer
  }
  app.inject = checked as App['inject']
}

/** False when the test has stopped the app, its pool or its queue, or made it listen. */
async function isReusable({ app, db, queue }: Server): Promise<boolean> {
  if (app.server.listening) return false
  try {
    await queue.ping()
    await queue.drain()
    await db`select 1`
    return true
  } catch {
    return false
  }
}

function createTestClock(): TestClock {
  const start = toEpochMs('2026-01-21T14:35:42.000000Z')
  let now = start
  return {
    now: () => fromEpochMs(now++)!,
    advance: (ms) => {
      now += ms
    },
    reset: () => {
      now = start
    },
  }
}

function errorText(_: string, value: unknown): unknown {
  return value instanceof Error ? `${value.name}: ${value.message}` : value
}
