import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { InjectOptions } from 'fastify'
import { afterEach } from 'vitest'
import { localHome } from '../../src/blobs/backends/local.ts'
import { createBlobStore } from '../../src/blobs/content-store.ts'
import { type BlobSigner, createBlobSigner } from '../../src/blobs/signing.ts'
import type { BlobHome, BlobStore } from '../../src/blobs/store.ts'
import type { Clock } from '../../src/domain/clock.ts'
import type { IngestEvent } from '../../src/domain/events.ts'
import type { Log } from '../../src/domain/log.ts'
import { fromEpochMs, toEpochMs } from '../../src/domain/timestamp.ts'
import { buildApp } from '../../src/http/app.ts'
import type { App } from '../../src/http/parts.ts'
import { inlineBackend, type InlineBackend } from '../../src/queue/backends/inline.ts'
import { closePool, openPool, type Db } from '../../src/store/pool.ts'
import { secretEnsure } from '../../src/store/write/secrets.ts'
import { buildHandlers } from '../../workers/index.ts'
import { createTestDatabase } from './postgres.ts'
import { insertTenant, type TestTenant } from './tenant.ts'

export interface Answer {
  status: number
  /** Parsed when the answer is JSON, else the text. */
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers of every shape
  body: any
  text: string
  headers: Record<string, unknown>
}

/** Moves only when told to; every reading is a millisecond later than the one before. */
export interface TestClock extends Clock {
  advance(ms: number): void
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
  /** What was logged as an error: a test that expects none can say so. */
  errors: string[]
  /** Sends a request as `tenant`, with the key that the dialect of the path uses. */
  call(
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE' | 'PUT',
    url: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer>
  /** The same as another tenant. */
  callAs(
    tenant: TestTenant,
    method: string,
    url: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer>
  addTenant(): Promise<TestTenant>
  /** Resolves once every accepted event is applied. */
  drain(): Promise<void>
  /** Puts events into the queue as an API process would, and drains. */
  ingest(...events: IngestEvent[]): Promise<void>
  close(): Promise<void>
}

export interface HarnessOptions {
  /** Default: a local folder of its own. */
  blobHome?: BlobHome
  publicUrl?: string
}

/** The whole server in this process: real Postgres, inline queue, real handlers. Closes itself after each test. */
export async function harness({ blobHome, publicUrl }: HarnessOptions = {}): Promise<Harness> {
  const database = await createTestDatabase()
  const db = openPool(database.url, { max: 5 })
  const queue = inlineBackend()
  const clock = createTestClock()
  const errors: string[] = []
  const log: Log = {
    info: () => {},
    warn: () => {},
    error: (facts, message) => void errors.push(`${message} ${JSON.stringify(facts, errorText)}`),
  }
  await queue.start()
  await queue.work(buildHandlers({ db, queue, clock, log }))
  const blobFolder = await mkdtemp(join(tmpdir(), 'runmill-blobs-'))
  const home = blobHome ?? localHome(blobFolder)
  const incomingFolder = join(blobFolder, 'incoming')
  const blobs = createBlobStore({ db, clock, log, incomingFolder, home })
  await blobs.start()
  const blobSigner = createBlobSigner(await secretEnsure(db, 'blob-links', clock.now()))
  const app = await buildApp({
    db,
    queue,
    blobs,
    blobSigner,
    publicUrl: publicUrl ?? null,
    clock,
    log,
    interactiveWaitMs: 2000,
    maxBodyBytes: 20_971_520,
  })
  const tenant = await insertTenant(db)
  let isClosed = false

  const h: Harness = {
    app,
    db,
    queue,
    clock,
    blobs,
    blobSigner,
    blobFolder,
    tenant,
    errors,
    call: async (method, url, body, headers) => h.callAs(tenant, method, url, body, headers),
    callAs: async (as, method, url, body, headers = {}) => {
      const response = await app.inject({
        method: method as NonNullable<InjectOptions['method']>,
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
      const isJson = String(response.headers['content-type']).includes('json')
      return {
        status: response.statusCode,
        body: isJson && response.body !== '' ? JSON.parse(response.body) : response.body,
        text: response.body,
        headers: response.headers,
      }
    },
    addTenant: async () => insertTenant(db),
    drain: async () => queue.drain(),
    ingest: async (...events) => {
      await queue.enqueue('ingest', [
        { batchId: randomUUID(), tenantId: tenant.id, receivedAt: clock.now(), events },
      ])
      await queue.drain()
    },
    close: async () => {
      if (isClosed) return
      isClosed = true
      await app.close()
      await blobs.stop()
      await rm(blobFolder, { recursive: true, force: true })
      await queue.stop()
      await closePool(db)
      await database.drop()
    },
  }
  open.add(h)
  return h
}

const open = new Set<Harness>()

afterEach(async () => {
  for (const h of open) await h.close()
  open.clear()
})

function createTestClock(): TestClock {
  let now = toEpochMs('2026-01-21T14:35:42.000000Z')
  return {
    now: () => fromEpochMs(now++)!,
    advance: (ms) => {
      now += ms
    },
  }
}

function errorText(_: string, value: unknown): unknown {
  return value instanceof Error ? `${value.name}: ${value.message}` : value
}
