import type { IngestEvent } from '../domain/events.ts'
import type { TraceParent } from '../domain/tracing.ts'

/** One accepted request, or one chunk of a large one. */
export interface IngestJob extends TraceParent {
  /** Announced once every event of the job is committed or dead-lettered. */
  batchId: string
  tenantId: string
  /** ISO-8601 UTC, six fraction digits: when the API accepted the request. */
  receivedAt: string
  events: IngestEvent[]
}

/** Refreshes the aggregates of a tenant's experiments. */
export interface AggregateJob {
  tenantId: string
  /** A job that worked is followed by one of the other kind. Absent in a job of an older version. */
  isFollowUp?: boolean
  /** For a worker of an older version, which refreshes one experiment: none. Remove it after the next release. */
  experimentId?: string
}

/** Removes the rows of a deleted experiment or trace for good; `age` removes what is older than the tenant keeps it. */
export interface PurgeJob {
  tenantId: string
  kind: 'experiment' | 'trace' | 'age'
  id: string
}

/** Computes the costs of a tenant's runs anew (`npm run prices -- recompute`). The work is in `repricings`. */
export interface RepriceJob {
  tenantId: string
  id: string
}

/**
 * Finds what a lost nudge left behind: dirty marks, tombstones whose rows are not purged,
 * traces that are older than they are kept, and repricings with work left.
 */
export type SweepJob = Record<string, never>

/**
 * Removes blobs to which nothing refers. `marked` looks at those that have a mark, `all` looks at every blob and
 * marks those to which nothing refers.
 */
export interface CollectJob {
  look: 'marked' | 'all'
}

export interface JobData {
  ingest: IngestJob
  'ingest-interactive': IngestJob
  'ingest-backlog': IngestJob
  aggregate: AggregateJob
  purge: PurgeJob
  reprice: RepriceJob
  sweep: SweepJob
  collect: CollectJob
}

export type QueueName = keyof JobData

export interface QueueSettings {
  /** How many jobs one worker process holds at a time. Ingest jobs are held to be gathered into one transaction. */
  concurrency: number
}

/**
 * All queues. The first three are lanes of the same work: a burst in `ingest` never delays a write that somebody waits
 * for in `ingest-interactive`, and what a tenant sends faster than it is applied goes to `ingest-backlog`, where it
 * delays nobody else (process-backlog.ts).
 */
export const queues: Readonly<Record<QueueName, QueueSettings>> = Object.freeze({
  ingest: { concurrency: 64 },
  'ingest-interactive': { concurrency: 32 },
  'ingest-backlog': { concurrency: 64 },
  aggregate: { concurrency: 2 },
  purge: { concurrency: 1 },
  reprice: { concurrency: 1 },
  sweep: { concurrency: 1 },
  collect: { concurrency: 1 },
})

export const queueNames = Object.keys(queues) as QueueName[]

/** The queues whose jobs are events that were accepted and are not applied yet. */
export const ingestLanes = ['ingest', 'ingest-interactive', 'ingest-backlog'] as const

export type IngestLane = (typeof ingestLanes)[number]
