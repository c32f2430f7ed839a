import type {
  IQueueBackend,
  Job,
  JobsOptions,
  Queue,
  QueueOptions,
  Worker,
  WorkerOptions,
} from 'bullmq'
import type { OldestJobs, QueueMemory, QueuePool } from '../backend.ts'
import type { IngestLane } from '../catalog.ts'
import type { Packed } from '../payload.ts'
import type { QueueLog } from '../report.ts'

export interface BullOptions {
  url: string
  log?: QueueLog
  /** Queues of different namespaces in one datastore do not see each other. */
  namespace?: string
  /** Left out: the jobs of a process that ended are taken over when their locks expire. */
  owner?: JobOwner
  /** How long a producer waits for the datastore. Default: 2 s for Redis, 4 s for Postgres. */
  answerMs?: number
}

/** Says in the locks of jobs which process holds them, so that others can tell whether it still runs. */
export interface JobOwner {
  /** This process, in a text without colons. */
  id: string
  /** Whether the process of this id has ended for certain. False where that cannot be known. */
  hasEnded(id: string): Promise<boolean>
}

/** A job that a worker has taken and not finished. */
export interface HeldJob {
  id: string
  /** The id of the worker and a number, with a colon in between. */
  token: string
}

export type BullQueue = Queue<unknown, unknown, string, unknown, unknown, string, IQueueBackend>
export type BullWorker = Worker<unknown, void, string, IQueueBackend>

/** The settings of BullMQ that are the same on every datastore. */
export type SharedQueueOptions = Pick<QueueOptions, 'defaultJobOptions' | 'streams'>
export type SharedWorkerOptions = Omit<WorkerOptions, 'connection' | 'prefix'>

/** How many shards of each lane any process has, and ever had, at most. */
export interface KnownShards {
  inUse: number
  ever: number
}

/** What differs between the datastores under BullMQ: connections, and how a message reaches every process. */
export interface Datastore {
  openQueue(name: string, options: SharedQueueOptions): BullQueue
  openWorker(
    name: string,
    work: (job: Job) => Promise<void>,
    options: SharedWorkerOptions,
  ): BullWorker
  /** Adds all jobs or none, in one round trip. */
  addAll(queue: BullQueue, name: string, payloads: Packed[], options: JobsOptions): Promise<void>
  /** True where a payload that is not compressed costs nothing but its bytes. */
  takesPlain: boolean
  /** Returns the payload of a job; null when the job was done before, and only the news of it was lost. */
  read(data: string): Promise<Packed | null>
  /** Called when the job is done: whatever is kept for it beside BullMQ can go. */
  forget(data: string): Promise<void>
  /**
   * Runs `work` while no other process does. Otherwise two processes that schedule for the first time could make two
   * schedules.
   */
  alone(work: () => Promise<unknown>): Promise<unknown>
  /** Sends a text of at most 7,000 bytes to every process that subscribed. */
  publish(message: string): Promise<unknown>
  /** Resolves once messages arrive. Renews itself after a lost connection. */
  subscribe(deliver: (message: string) => void): Promise<void>
  /** Lists the jobs of a queue that are locked. */
  held(queue: BullQueue): Promise<HeldJob[]>
  /** Lets a job wait again, at its place or before the others. Does nothing when its lock is not this one any more. */
  release(queue: BullQueue, job: HeldJob): Promise<unknown>
  /**
   * Leaves a mark, and tells whether the last one is gone: then the datastore was emptied, or is an older copy of
   * itself, and jobs that were acknowledged are lost. False where the schedules alone can tell.
   */
  hasLostMark(): Promise<boolean>
  /**
   * Leaves word that this process has so many shards of each lane.
   * @returns what all have said; absent where a lane has one shard
   */
  shards?(own: number): Promise<KnownShards>
  /** See `QueueBackend.oldest`. */
  oldest(queue: BullQueue): Promise<OldestJobs[IngestLane]>
  /** See `QueueBackend.connections`. */
  connections?(): QueuePool
  /** See `QueueBackend.memory`. */
  memory(): Promise<QueueMemory | null>
  ping(): Promise<unknown>
  /** Ends all connections within a second or so, whatever state they are in. */
  close(): Promise<void>
}

type ReportError = (error: unknown, where: string) => void
export type Connect = (report: ReportError) => Promise<Datastore>
