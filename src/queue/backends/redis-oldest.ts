import type { Cluster, Redis } from 'ioredis'
import type { OldestJobs } from '../backend.ts'
import type { IngestLane } from '../catalog.ts'
import type { BullQueue } from './datastore.ts'

const headSize = 100
const lastOfHead = String(headSize - 1)

/**
 * Tells when the oldest jobs of a queue were added. BullMQ keeps their ids in lists, which it takes from the end, and
 * in sorted sets; and the time in the hash of the job. All keys of a queue are on one node.
 */
export async function oldestJobs(
  client: Redis | Cluster,
  queue: BullQueue,
): Promise<OldestJobs[IngestLane]> {
  const [waiting = [], prioritized = [], active = [], delayed = []] = await run<string[]>(
    client
      .pipeline()
      .lrange(queue.toKey('wait'), -headSize, -1)
      .zrange(queue.toKey('prioritized'), '0', lastOfHead)
      .lrange(queue.toKey('active'), -headSize, -1)
      .zrange(queue.toKey('delayed'), '0', lastOfHead),
  )
  const groups = { waiting: [...waiting, ...prioritized], active, delayed }
  const ids = Object.values(groups).flat()
  if (ids.length === 0) return { waiting: null, active: null, delayed: null }
  const pipeline = client.pipeline()
  for (const id of ids) pipeline.hget(queue.toKey(id), 'timestamp')
  const times = await run<string | null>(pipeline)
  // A job that was done meanwhile has no time any more.
  const timeOf = new Map(ids.map((id, i) => [id, Number(times[i] ?? Infinity)]))
  const oldestOf = (group: string[]) => {
    const oldest = Math.min(...group.map((id) => timeOf.get(id)!))
    return Number.isFinite(oldest) ? oldest : null
  }
  return {
    waiting: oldestOf(groups.waiting),
    active: oldestOf(groups.active),
    delayed: oldestOf(groups.delayed),
  }
}

async function run<T>(pipeline: ReturnType<Redis['pipeline']>): Promise<T[]> {
  const results = (await pipeline.exec()) ?? []
  return results.map(([error, result]) => {
    if (error) throw error
    return result as T
  })
}
