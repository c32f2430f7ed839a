import { randomUUID } from 'node:crypto'
import { Job, type JobsOptions } from 'bullmq'
import { type Packed, packedFromText, packedToText } from '../payload.ts'
import type { BullQueue } from './datastore.ts'

/*
 * The payloads of large jobs are kept as bytes beside BullMQ's jobs. In them they would have to be text: base64, quoted
 * and read again. They are stored in the transaction that adds their jobs, and removed once a job is applied and before
 * BullMQ removes it, so that none is left behind.
 */

const reference = '@'

/** What BullMQ's backend has beside its interface: it puts a job into a transaction. */
interface AddsJobs {
  addJobToTransaction(
    transaction: { set(key: string, value: Buffer): unknown },
    job: unknown,
    jobId: string,
    ...others: unknown[]
  ): Promise<unknown>
}

export interface PayloadQueue {
  queue: BullQueue
  /** Adds all jobs with their payloads, or none, in one round trip. */
  addAll(name: string, payloads: readonly Packed[], options: JobsOptions): Promise<void>
}

export function keepPayloads(queue: BullQueue, prefix: string): PayloadQueue {
  /** By job, while their jobs are added. */
  const waiting = new Map<string, { key: string; bytes: Buffer }>()
  const backend = queue.getBackend()
  const adding = backend as unknown as AddsJobs
  const addJobToTransaction = adding.addJobToTransaction.bind(backend)
  adding.addJobToTransaction = async (transaction, job, jobId, ...others) => {
    const payload = waiting.get(jobId)
    if (payload !== undefined) transaction.set(payload.key, payload.bytes)
    return addJobToTransaction(transaction, job, jobId, ...others)
  }

  return {
    queue,
    async addAll(name, payloads, options) {
      const [first] = payloads
      if (payloads.length === 1 && typeof first === 'string') {
        await queue.add(name, packedToText(first), options)
        return
      }
      const ids = payloads.map(() => randomUUID())
      // Not `addBulk`, which is a pipeline: half of it can arrive. A flow of jobs without children is a MULTI.
      const entries = payloads.map((packed, i) => {
        const id = ids[i]!
        let data = packed
        if (typeof data !== 'string') {
          const key = queue.toKey(`payload:${id}`)
          waiting.set(id, { key, bytes: data })
          data = reference + key
        }
        const jobData = new Job(queue, name, data, options, id).asJSON()
        return { prefix, queueName: queue.name, jobData, jobId: id, parentKeyOpts: {} }
      })
      try {
        for (const [error] of await backend.addFlow(entries)) if (error) throw error
      } finally {
        for (const id of ids) waiting.delete(id)
      }
    },
  }
}

interface PayloadClient {
  getBuffer(key: string): Promise<Buffer | null>
  unlink(key: string): Promise<unknown>
}

/**
 * Reads a payload from the text of its job.
 * @returns null when a worker has applied the job and was stopped before it could say so
 */
export async function readPayload(client: PayloadClient, data: string): Promise<Packed | null> {
  if (!data.startsWith(reference)) return packedFromText(data)
  return client.getBuffer(data.slice(reference.length))
}

export async function removePayload(client: PayloadClient, data: string): Promise<void> {
  if (data.startsWith(reference)) await client.unlink(data.slice(reference.length))
}
