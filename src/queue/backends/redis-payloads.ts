import { type Packed, packedFromText } from '../payload.ts'
import { type Client, mastersOf } from './redis-client.ts'

/*
 * The payloads of large jobs are kept as bytes beside BullMQ's jobs. In them they would have to be text: base64, quoted
 * and read again. They are stored in the transaction that adds their jobs, and removed once a job is applied and before
 * BullMQ removes it, so that none is left behind.
 */

const reference = '@'

/** The text of a job whose payload has this key. */
export function referenceTo(key: string): string {
  return reference + key
}

/**
 * Removes payloads whose jobs are gone: a job and its payload are added together, and the payload is removed first, so
 * only what removes jobs by itself leaves some behind.
 * @param prefix of all keys of the queues
 */
export async function removeOrphans(client: Client, prefix: string): Promise<void> {
  for (const node of mastersOf(client)) {
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
