import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { BlobSigner } from '../blobs/signing.ts'
import type { BlobStore } from '../blobs/store.ts'
import type { Clock } from '../domain/clock.ts'
import type { Log } from '../domain/log.ts'
import type { QueueBackend } from '../queue/backend.ts'
import type { Db } from '../store/pool.ts'
import type { Authenticator } from './auth.ts'

/** What every route works with. */
export interface Services {
  db: Db
  queue: QueueBackend
  clock: Clock
  log: Log
  auth: Authenticator
  /** Attachments: their bytes. */
  blobs: BlobStore
  /** Signs and checks the links to them. */
  blobSigner: BlobSigner
  /** Where clients reach this server, without a slash at the end; null: where the request was sent to. */
  publicUrl: string | null
  /** How long an interactive write waits to be applied before it answers anyway (SPEC I9). */
  interactiveWaitMs: number
}

/** A Fastify instance whose routes are typed by their zod schemas. */
export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>
