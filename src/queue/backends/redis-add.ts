import { randomUUID } from 'node:crypto'
import { Job, type JobsOptions } from 'bullmq'
import { type ChainableCommander, Cluster, Command } from 'ioredis'
import { NotReplicatedError } from '../backend.ts'
import { oneForAll } from '../one-for-all.ts'
import { type Packed, packedToText } from '../payload.ts'
import type { BullQueue } from './datastore.ts'
import { type Client, mastersOf } from './redis-client.ts'
import { referenceTo } from './redis-payloads.ts'

/*
 * Jobs and their payloads enter Redis in one transaction for each request. Where replicas must have them before they are
 * acknowledged, WAIT follows in the same pipeline: it speaks of what its own connection wrote, and on another one,
 * which a failover brings, it would say yes at once. It holds up what comes behind it on its connection, so there
 * is one at a time for each server, for all requests that came while the one before was under way.
 */

/** How long replicas are given. Behind a WAIT that fails a request waits for its own too: both in the time that it has. */
const replicaMs = 800

/** The jobs of one request. */
interface Addition {
  queue: BullQueue
  jobs: { id: string; data: JobJson; payload: { key: string; bytes: Buffer } | null }[]
  /** Why it was not stored, or not replicated. */
  error?: Error
}

type JobJson = ReturnType<Job['asJSON']>

/** What BullMQ's backend has beside its interface: it puts a job into a transaction, before it returns. */
interface AddsJobs {
  addJobToTransaction(
    transaction: { runCommand(name: string, args: unknown[]): unknown },
    job: JobJson,
    jobId: string,
  ): Promise<unknown>
}

type CommandResult = [error: Error | null, result: unknown]

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
  const send = replicas === 0 ? sendAlone : sendTogether(client, replicas)

  async function sendAlone(addition: Addition): Promise<void> {
    await sendAll(client, [addition], 0)
  }

  async function commit(addition: Addition): Promise<void> {
    delete addition.error
    await send(addition)
    if (addition.error) throw addition.error
  }

  return async (queue, name, payloads, options) => {
    const [first] = payloads
    if (replicas === 0 && payloads.length === 1 && typeof first === 'string') {
      await queue.add(name, packedToText(first), options)
      return
    }
    const jobs = payloads.map((packed) => {
      const id: string = randomUUID()
      const isText = typeof packed === 'string'
      const payload = isText ? null : { key: queue.toKey(`payload:${id}`), bytes: packed }
      const data = payload === null ? packedToText(packed) : referenceTo(payload.key)
      return { id, data: new Job(queue, name, data, options, id).asJSON(), payload }
    })
    // BullMQ gives its scripts to the client first.
    await queue.waitUntilReady()
    const addition: Addition = { queue, jobs }
    await commit(addition).catch(async (error: Error) => {
      if (!(await mend(client, addition, error))) throw error
      await commit(addition)
    })
  }
}

/**
 * Mends what the client would have mended itself for a command outside a transaction.
 * @returns whether the transaction, of which nothing counts yet, can be sent again
 */
async function mend(client: Client, { jobs }: Addition, { message }: Error): Promise<boolean> {
  if (message.includes('NOSCRIPT')) {
    // Redis has forgotten its scripts, and has stored the payloads alone.
    const keys = jobs.flatMap(({ payload }) => (payload === null ? [] : [payload.key]))
    await Promise.all(keys.map((key) => client.unlink(key)))
    await loadScripts(client)
    return true
  }
  if (message.startsWith('MOVED') && client instanceof Cluster) {
    await new Promise<void>((resolve) => client.refreshSlotsCache(() => resolve()))
    return true
  }
  return false
}

/** Sends what came for a server while the last was under way. */
function sendTogether(client: Client, replicas: number): (addition: Addition) => Promise<void> {
  const servers = new Map<string, { waiting: Addition[]; send(): Promise<void> }>()

  function serverOf(name: string) {
    const known = servers.get(name)
    if (known) return known
    const server = {
      waiting: [] as Addition[],
      send: oneForAll(async () => {
        const additions = server.waiting
        server.waiting = []
        await sendAll(client, additions, replicas)
      }),
    }
    servers.set(name, server)
    return server
  }

  return async (addition) => {
    const server = serverOf(nameServer(client, addition.queue))
    server.waiting.push(addition)
    await server.send()
  }
}

/** The node of a cluster that has the queue, as far as the client knows; there is one name where there is one server. */
function nameServer(client: Client, queue: BullQueue): string {
  if (!(client instanceof Cluster)) return ''
  const slot = new Command('exists', [queue.toKey('meta')]).getSlot()
  return client.slots[slot]?.[0] ?? ''
}

/** Sends all in one pipeline, and notes at each what went wrong. */
async function sendAll(client: Client, additions: Addition[], replicas: number): Promise<void> {
  const pipeline = client.pipeline()
  const ends: number[] = []
  for (const addition of additions) {
    await append(pipeline, addition)
    ends.push(pipeline.length)
  }
  if (replicas > 0) pipeline.wait(replicas, replicaMs)
  const results = (await pipeline.exec()) ?? []
  const late = replicas > 0 ? lateOf(results.at(-1)!, replicas) : null
  let from = 0
  for (const [i, addition] of additions.entries()) {
    const error = errorOf(results.slice(from, ends[i])) ?? late
    if (error) addition.error = error
    from = ends[i]!
  }
}

/** @param result of WAIT: how many replicas have everything */
function lateOf([error, result]: CommandResult, replicas: number): Error | null {
  if (error) return error
  if (Number(result) >= replicas) return null
  return new NotReplicatedError(
    `stored, but after ${replicaMs} ms only ${Number(result)} of ${replicas} replicas had it (RUNMILL_REDIS_WAIT)`,
  )
}

async function append(pipeline: ChainableCommander, { queue, jobs }: Addition): Promise<void> {
  const backend = queue.getBackend() as unknown as AddsJobs
  const scripts = pipeline as unknown as Record<string, (args: unknown[]) => unknown>
  const transaction = {
    runCommand: (name: string, args: unknown[]) => scripts[name]!(args),
  }
  // Not `multi`, of which `exec` would mean something else where the client does not know the nodes of a cluster yet.
  pipeline.call('multi')
  for (const { id, data, payload } of jobs) {
    if (payload) pipeline.set(payload.key, payload.bytes)
    await backend.addJobToTransaction(transaction, data, id)
  }
  pipeline.call('exec')
}

/** @param results of the commands of one transaction, of which the last has the results of all */
function errorOf(results: CommandResult[]): Error | null {
  for (const [error, result] of results) {
    if (error) return error
    const inner: unknown = Array.isArray(result)
      ? result.find((each) => each instanceof Error)
      : undefined
    if (inner instanceof Error) return inner
  }
  return null
}

async function loadScripts(client: Client): Promise<void> {
  for (const { lua } of Object.values<{ lua: string }>(client.scriptsSet)) {
    await Promise.all(mastersOf(client).map((node) => node.script('LOAD', lua)))
  }
}
