import type { BaseAdapter } from '@bull-board/api/baseAdapter'
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import type { Queue } from 'bullmq'
import { queueNames } from '../catalog.ts'
import type { BullQueue } from './datastore.ts'
import { isLane, type Shards } from './shards.ts'

/** Shows the queues on bull-board: read-only, and of an ingest job what it is, not what its tenant sent. */
export function boardQueues(queues: Shards['all']): BaseAdapter[] {
  return queueNames.flatMap((name) =>
    queues[name].map((queue, shard) =>
      boardQueue(queue, shard === 0 ? name : `${name}-${shard}`, isLane(name)),
    ),
  )
}

function boardQueue(queue: BullQueue, displayName: string, holdsEvents: boolean): BaseAdapter {
  // Its type knows Redis alone; it asks the queue what is below.
  const adapter = new BullMQAdapter(queue as unknown as Queue, {
    readOnlyMode: true,
    displayName,
  })
  adapter.setFormatter('data', (data: unknown) => {
    const job = parsed(data)
    return holdsEvents && job !== null ? outlineOf(job) : (job ?? { events: 'kept beside the job' })
  })
  return adapter
}

/** @returns null for a payload that is compressed, or kept beside its job */
function parsed(data: unknown): object | null {
  try {
    const job: unknown = JSON.parse(String(data))
    return typeof job === 'object' ? job : null
  } catch {
    return null
  }
}

/** Of an ingest job: whose it is, since when it waits, and how many events of which kind it has. */
function outlineOf(job: object): Record<string, unknown> {
  const { tenantId, batchId, receivedAt, events } = job as Record<string, unknown>
  const kinds: Record<string, number> = {}
  for (const { kind } of Array.isArray(events) ? (events as { kind: string }[]) : []) {
    kinds[kind] = (kinds[kind] ?? 0) + 1
  }
  return { tenantId, batchId, receivedAt, events: kinds }
}
