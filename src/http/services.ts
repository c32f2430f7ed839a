import type { FastifyBaseLogger, FastifyInstance, FastifyRequest, RawServerDefault } from 'fastify'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { BlobSigner } from '../blobs/signing.ts'
import type { BlobStore } from '../blobs/store.ts'
import type { Clock } from '../domain/clock.ts'
import type { Log } from '../domain/log.ts'
import type { Timestamp } from '../domain/timestamp.ts'
import type { QueueBackend } from '../queue/backend.ts'
import type { Backlog } from '../queue/backlog.ts'
import type { Db } from '../store/pool.ts'
import type { Authenticator } from './auth.ts'

/** The services that every route works with. */
export interface Services {
  db: Db
  queue: QueueBackend
  /** What waits in the queue; every event goes into the queue through it. */
  backlog: Backlog
  clock: Clock
  log: Log
  auth: Authenticator
  experimentIds: ExperimentIds
  /** Reads the pages of lists that state a total. */
  countedPage: CountedPage
  /** Called once it is known whose a request is. @throws LimitError when it may not go on now */
  admit(request: FastifyRequest): void
  /** Stores the bytes of attachments. */
  blobs: BlobStore
  /** Signs the links to attachments, and checks them. */
  blobSigner: BlobSigner
  /**
   * The address at which clients reach this server, without a trailing slash; null for the address that each request
   * was sent to.
   */
  publicUrl: string | null
  /** The folder of the built page; null when this server has none. */
  pageFolder: string | null
  /** How long an interactive write waits to be applied before it is answered anyway (SPEC I9). */
  interactiveWaitMs: number
}

/**
 * Finds the experiments that runs are sent to, and holds what it found for a moment, so that not every request waits for
 * Postgres.
 *
 * Every process that serves the API may hold an experiment that another one deletes or renames. Runs that were sent
 * there after that was answered would be lost. So whoever deletes or renames answers only when `untilForgotten` resolves:
 * what is held was asked for before the change was committed, and ends by then. A request that still used it came
 * before the answer, and might as well have come before the change.
 */
export interface ExperimentIds {
  /** See `experimentResolveNames`. */
  resolveNames(
    tenantId: string,
    names: readonly string[],
    now: Timestamp,
  ): Promise<Map<string, string>>
  /** Returns which of these experiments exist. */
  listExisting(tenantId: string, ids: readonly string[]): Promise<Set<string>>
  /** Resolves when no process holds what it found before this call. */
  untilForgotten(): Promise<void>
}

/** A list with numbered pages that is asked for. */
export interface AskedList {
  tenantId: string
  /** Which list it is. */
  name: string
  /** The page, and all conditions. */
  query: { page: number; limit: number } & Readonly<Record<string, unknown>>
}

/**
 * Reads a page, and counts the whole list only where the page does not show its end. A condition that few rows meet has to
 * look at all of them, which one statement then does and not two. A total above 50,000
 * that took long to count may be a minute old.
 * @throws LangfuseError 400 when the count takes too long
 */
export type CountedPage = <Row>(
  list: AskedList,
  read: (place: { limit: number; offset: number }) => Promise<Row[]>,
  count: () => Promise<number>,
) => Promise<{ rows: Row[]; total: number }>

/** A Fastify instance whose routes get their types from their zod schemas. */
export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>
