import { hash } from 'node:crypto'
import type { OldestJobs, QueueCounts } from '../backend.ts'
import { ingestLanes, type IngestLane, queueNames, type QueueName } from '../catalog.ts'
import type { BullQueue } from './datastore.ts'

/*
 * A lane of events may be several queues of BullMQ, its shards, on different nodes of a Redis Cluster. All events of a
 * tenant are in one of them. Whoever looks at a lane from outside sees one queue.
 */

/** The queues of BullMQ below each of ours, by shard. What is no lane has one. */
export type Shards = Record<QueueName, BullQueue[]>

export function isLane(queue: QueueName): queue is IngestLane {
  return (ingestLanes as readonly string[]).includes(queue)
}

export function newShards(): Shards {
  return Object.fromEntries(queueNames.map((name) => [name, [] as BullQueue[]])) as Shards
}

/** Opens those of `count` shards that are not open yet. */
export function openShards(
  shards: Shards,
  count: number,
  open: (name: QueueName, shard: number) => BullQueue,
): void {
  for (const name of queueNames) {
    const wanted = isLane(name) ? count : 1
    for (let i = shards[name].length; i < wanted; i++) shards[name].push(open(name, i))
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

export function isEmpty({ waiting, active, delayed, failed }: QueueCounts): boolean {
  return waiting + active + delayed + failed === 0
}

/** @returns those from number `from` on that hold no jobs */
export async function emptyShards(shards: Shards, from: number): Promise<Set<BullQueue>> {
  const all = ingestLanes.flatMap((lane) => shards[lane].slice(from))
  const are = await Promise.all(all.map(async (queue) => isEmpty(await countJobs([queue]))))
  return new Set(all.filter((_, i) => are[i]))
}

/** The oldest of each state over all shards of a lane. */
export function oldestOf(shards: readonly OldestJobs[IngestLane][]): OldestJobs[IngestLane] {
  const least = (state: keyof OldestJobs[IngestLane]): number | null => {
    const times = shards.flatMap((oldest) => oldest[state] ?? [])
    return times.length === 0 ? null : Math.min(...times)
  }
  return { waiting: least('waiting'), active: least('active'), delayed: least('delayed') }
}
