import { hash } from 'node:crypto'
import type { OldestJobs, QueueCounts } from '../backend.ts'
import { ingestLanes, type IngestLane, queueNames, type QueueName } from '../catalog.ts'
import type { BullQueue, KnownShards } from './datastore.ts'

/*
 * A lane of events may be several queues of BullMQ, its shards, on different nodes of a Redis Cluster. All events of a
 * tenant are in one of them. Whoever looks at a lane from outside sees one queue.
 */

/** How often shards are looked at that no process has any more, for jobs that were left there. */
const unusedEveryMs = 30_000

/** The queues of BullMQ below each of ours. What is no lane has one. */
export interface Shards {
  /** By shard. */
  all: Record<QueueName, BullQueue[]>
  /** Whether no process has this shard, and it held no jobs when it was last looked at. */
  isUnused(queue: BullQueue): boolean
  used(name: QueueName): BullQueue[]
  /** Opens the shards that any process has, or had when the number was another. */
  follow(known: KnownShards): Promise<void>
}

export function isLane(queue: QueueName): queue is IngestLane {
  return (ingestLanes as readonly string[]).includes(queue)
}

export function createShards(open: (name: QueueName, shard: number) => BullQueue): Shards {
  const all = Object.fromEntries(
    queueNames.map((name) => [name, [] as BullQueue[]]),
  ) as Shards['all']
  let from = 0
  let lookAt = 0
  let unused = new Set<BullQueue>()
  const isUnused = (queue: BullQueue): boolean => unused.has(queue)
  return {
    all,
    isUnused,
    used: (name) => all[name].filter((queue) => !isUnused(queue)),
    async follow({ inUse, ever }) {
      for (const name of queueNames) {
        const wanted = isLane(name) ? ever : 1
        for (let i = all[name].length; i < wanted; i++) all[name].push(open(name, i))
      }
      if (inUse === from && performance.now() < lookAt) return
      const beyond = ingestLanes.flatMap((lane) => all[lane].slice(inUse))
      const areEmpty = await Promise.all(beyond.map(isEmpty))
      unused = new Set(beyond.filter((_, i) => areEmpty[i]))
      from = inUse
      lookAt = performance.now() + unusedEveryMs
    },
  }
}

/** The hash tag `{…}` keeps all keys of a shard on one node of a Redis Cluster. */
export function bullName(queue: QueueName, shard: number): string {
  return `{${queue}-${shard}}`
}

/** @returns the shard of a tenant, 0 to `count - 1` */
export function shardOf(tenantId: string, count: number): number {
  return count === 1 ? 0 : hash('sha256', tenantId, 'buffer').readUInt32BE(0) % count
}

export async function countJobs(shards: readonly BullQueue[]): Promise<QueueCounts> {
  const counts = await Promise.all(
    shards.map(async (queue) =>
      queue.getJobCounts('waiting', 'prioritized', 'active', 'delayed', 'failed'),
    ),
  )
  const sum = (...states: string[]): number =>
    counts.flatMap((of) => states.map((state) => of[state] ?? 0)).reduce((a, b) => a + b, 0)
  return {
    waiting: sum('waiting', 'prioritized'),
    active: sum('active'),
    delayed: sum('delayed'),
    failed: sum('failed'),
  }
}

export async function isEmpty(shard: BullQueue): Promise<boolean> {
  const { waiting, active, delayed, failed } = await countJobs([shard])
  return waiting + active + delayed + failed === 0
}

/** The oldest of each state over all shards of a lane. */
export function oldestOf(shards: readonly OldestJobs[IngestLane][]): OldestJobs[IngestLane] {
  const least = (state: keyof OldestJobs[IngestLane]): number | null => {
    const times = shards.flatMap((oldest) => oldest[state] ?? [])
    return times.length === 0 ? null : Math.min(...times)
  }
  return { waiting: least('waiting'), active: least('active'), delayed: least('delayed') }
}
