import type { FastifyBaseLogger, FastifyInstance, FastifyRequest, RawServerDefault } from 'fastify'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { BlobSigner } from '../blobs/signing.ts'
import type { BlobStore } from '../blobs/store.ts'
import type { Clock } from '../domain/clock.ts'
import type { Log } from '../domain/log.ts'
import type { QueueBackend } from '../queue/backend.ts'
import type { Backlog } from '../queue/backlog.ts'
import type { Db } from '../store/pool.ts'
import type { Authenticator } from './auth.ts'
import type { ExperimentIds } from './experiment-ids.ts'

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

/** A Fastify instance whose routes get their types from their zod schemas. */
export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>
