import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { Job, type JobsOptions } from 'bullmq'
import { Cluster } from 'ioredis'
import { type Packed, packedToText } from '../payload.ts'
import type { BullQueue } from './datastore.ts'
import { type Client, mastersOf } from './redis-client.ts'
import { referenceTo } from './redis-payloads.ts'
import { type Addition, createSend } from './redis-send.ts'

/** How often what a cluster cannot take for now is sent again, and for how long: less than a request waits. */
const againEveryMs = 100
const againMs = 1_500

/** What BullMQ's backend has beside its interface: it puts a job into a transaction. */
interface AddsJobs {
  addJobToTransaction(
    transaction: { runCommand(name: string, args: unknown[]): void },
    job: ReturnType<Job['asJSON']>,
    jobId: string,
  ): Promise<unknown>
}

type Add = (
  queue: BullQueue,
  name: string,
  payloads: readonly Packed[],
  options: JobsOptions,
) => Promise<void>

/**
 * Makes what adds the jobs of one request with their payloads: all, or none.
 * @param client the connection of the queues
 * @param replicas how many replicas must have them; 0 for none
 */
export function createAdd(client: Client, replicas: number): Add {
  const send = createSend(client, replicas)

  async function commit(addition: Addition, until: number): Promise<void> {
    try {
      delete addition.error
      await send(addition)
      if (addition.error) throw addition.error
    } catch (error) {
      const mayAgain = performance.now() < until && (await mend(client, addition, error as Error))
      if (!mayAgain) throw error
      await commit(addition, until)
    }
  }

  return async (queue, name, payloads, options) => {
    const [first] = payloads
    if (replicas === 0 && payloads.length === 1 && typeof first === 'string') {
      await queue.add(name, packedToText(first), options)
      return
    }
    // BullMQ gives its scripts to the client first.
    await queue.waitUntilReady()
    const addition = await additionOf(queue, name, payloads, options)
    await commit(addition, performance.now() + againMs)
  }
}

/** Does all that may fail before the commands are sent: a transaction that stops halfway spoils those of other requests. */
async function additionOf(...[queue, name, payloads, options]: Parameters<Add>): Promise<Addition> {
  const backend = queue.getBackend() as unknown as AddsJobs
  const commands: Addition['commands'] = []
  const transaction = {
    runCommand: (script: string, args: unknown[]) => {
      commands.push({ name: script, args: [args] })
    },
  }
  for (const packed of payloads) {
    const id = randomUUID()
    let data = packed
    if (typeof packed !== 'string') {
      const key = queue.toKey(`payload:${id}`)
      commands.push({ name: 'set', args: [key, packed] })
      data = referenceTo(key)
    }
    const job = new Job(queue, name, data, options, id).asJSON()
    await backend.addJobToTransaction(transaction, job, id)
  }
  return { queue, commands }
}

/**
 * Mends what the client would have mended itself for a command outside a transaction.
 * @returns whether the transaction, of which nothing counts yet, can be sent again
 */
async function mend(client: Client, { commands }: Addition, { message }: Error): Promise<boolean> {
  if (message.includes('NOSCRIPT')) {
    // Redis has forgotten its scripts, and has stored the payloads alone.
    const payloads = commands.filter(({ name }) => name === 'set')
    await Promise.all(payloads.map(async ({ args }) => client.unlink(args[0] as string)))
    await loadScripts(client)
    return true
  }
  // While a slot moves to another node, none has all keys of its queues, and none takes what needs several.
  // The client itself may learn of it between the gathering of a pipeline and its sending, which it then refuses.
  const isMoving = /^(?:MOVED|ASK|TRYAGAIN|CLUSTERDOWN) |same slots allocation group/.test(message)
  if (client instanceof Cluster && isMoving) {
    await pause(againEveryMs)
    await new Promise<void>((resolve) => client.refreshSlotsCache(() => resolve()))
    return true
  }
  return false
}

async function loadScripts(client: Client): Promise<void> {
  for (const { lua } of Object.values<{ lua: string }>(client.scriptsSet)) {
    await Promise.all(mastersOf(client).map((node) => node.script('LOAD', lua)))
  }
}
