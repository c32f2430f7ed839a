import { randomUUID } from 'node:crypto'
import { Job, type JobsOptions } from 'bullmq'
import type { Cluster, Redis } from 'ioredis'
import { type Packed, packedFromText, packedToText } from '../payload.ts'
import type { BullQueue } from './datastore.ts'

/*
 * The payloads of large jobs are kept as bytes beside BullMQ's jobs. In them they would have to be text: base64, quoted
 * and read again. They are stored in the transaction that adds their jobs, and removed once a job is applied and before
 * BullMQ removes it, so that none is left behind.
 */

const reference = '@'

type Client = Redis | Cluster

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

/** @param client the connection of the queue */
export function keepPayloads(queue: BullQueue, prefix: string, client: Client): PayloadQueue {
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

  /** @throws the first error of the transaction */
  async function add(entries: Parameters<typeof backend.addFlow>[0]): Promise<void> {
    for (const [error] of await backend.addFlow(entries)) if (error) throw error
  }

  return {
    queue,
    async addAll(name, payloads, options) {
      const [first] = payloads
      if (payloads.length === 1 && typeof first === 'string') {
        await queue.add(name, packedToText(first), options)
        return
      }
      const ids = payloads.map((): string => randomUUID())
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
        await add(entries).catch(async (error: unknown) => {
          if (!isScriptMissing(error)) throw error
          // Redis has forgotten its scripts. Outside a transaction the client would have sent it again.
          await Promise.all(
            [...waiting]
              .filter(([id]) => ids.includes(id))
              .map(([, { key }]) => client.unlink(key)),
          )
          await loadScripts(client)
          await add(entries)
        })
      } finally {
        for (const id of ids) waiting.delete(id)
      }
    },
  }
}

function isScriptMissing(error: unknown): boolean {
  return error instanceof Error && error.message.includes('NOSCRIPT')
}

async function loadScripts(client: Client): Promise<void> {
  for (const { lua } of Object.values<{ lua: string }>(client.scriptsSet)) {
    await Promise.all(nodesOf(client).map((node) => node.script('LOAD', lua)))
  }
}

/**
 * Removes payloads whose jobs are gone: a job and its payload are added together, and the payload is removed first, so
 * only what removes jobs by itself leaves some behind.
 * @param prefix of all keys of the queues
 */
export async function removeOrphans(client: Client, prefix: string): Promise<void> {
  for (const node of nodesOf(client)) {
    let cursor = '0'
    do {
      const [next, keys] = await node.scan(cursor, 'MATCH', `${prefix}:*:payload:*`, 'COUNT', 1000)
      cursor = next
      for (const key of keys) {
        const job = key.replace(/:payload:(?=[^:]*$)/, ':')
        if ((await client.exists(job)) === 0) await client.unlink(key)
      }
    } while (cursor !== '0')
  }
}

/** Of a cluster the primaries, each of which has keys and scripts of its own. */
function nodesOf(client: Client): Redis[] {
  return 'nodes' in client ? client.nodes('master') : [client]
}

/**
 * Reads a payload from the text of its job.
 * @returns null when a worker has applied the job and was stopped before it could say so
 */
export async function readPayload(client: Client, data: string): Promise<Packed | null> {
  if (!data.startsWith(reference)) return packedFromText(data)
  return client.getBuffer(data.slice(reference.length))
}

export async function removePayload(client: Client, data: string): Promise<void> {
  if (data.startsWith(reference)) await client.unlink(data.slice(reference.length))
}
