import type { Writable } from 'node:stream'
import { type ChainableCommander, Cluster, Command, type Redis } from 'ioredis'
import { NotReplicatedError } from '../backend.ts'
import { oneForAll } from '../one-for-all.ts'
import type { BullQueue } from './datastore.ts'
import type { Client } from './redis-client.ts'

/*
 * Jobs and their payloads enter Redis in one transaction for each request. Where replicas must have them before they are
 * acknowledged, WAIT follows in the same pipeline: it speaks of what its own connection wrote, and on another one,
 * which a failover brings, it would say yes at once. It holds up what comes behind it on its connection, so there
 * is one at a time for each server, for all requests that came while the one before was under way.
 */

/** How long replicas are given. */
const replicaMs = 800
/** While they do not follow: how often a mark is left, and how long they are given for it. */
const markEveryMs = 1_000
const markMs = 200
const markSeconds = 60

/** The transaction of one request. */
export interface Addition {
  queue: BullQueue
  commands: { name: string; args: unknown[] }[]
  /** Why it was not stored, or not replicated. */
  error?: Error
}

type CommandResult = [error: Error | null, result: unknown]

/**
 * Makes what sends a transaction, and notes at it what went wrong.
 * @param replicas how many replicas must have it; 0 for none
 */
export function createSend(
  client: Client,
  replicas: number,
): (addition: Addition) => Promise<void> {
  if (replicas === 0) {
    return async (addition) => {
      if (client instanceof Cluster) await sendAll(client, [addition], 0)
      else await sendAlone(client, addition)
    }
  }
  return sendTogether(client, replicas)
}

/** Sends what came for a server while the last was under way. */
function sendTogether(client: Client, replicas: number): (addition: Addition) => Promise<void> {
  const servers = new Map<string, { waiting: Addition[]; send(): Promise<void> }>()

  function serverOf(name: string) {
    const known = servers.get(name)
    if (known) return known
    const sendToServer = sendWhileFollowed(client, replicas)
    const server = {
      waiting: [] as Addition[],
      send: oneForAll(async () => {
        const additions = server.waiting
        server.waiting = []
        await sendToServer(additions)
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

/**
 * Makes what sends to one server, and refuses without storing anything while its replicas do not follow: who is refused
 * comes again, and would be stored each time. That they follow is seen at a mark, at first too.
 */
function sendWhileFollowed(
  client: Client,
  replicas: number,
): (additions: Addition[]) => Promise<void> {
  let late = lateOf([null, 0], replicas)
  let nextMarkAt = 0

  function note(found: Error | null): void {
    late = found
    // After any other error, as of a lost connection, nobody knows: the next request asks.
    if (late instanceof NotReplicatedError) nextMarkAt = performance.now() + markEveryMs
  }

  return async (additions) => {
    if (late && performance.now() >= nextMarkAt) {
      note(await leaveMark(client, additions[0]!.queue.toKey('followed'), replicas))
    }
    if (late) for (const addition of additions) addition.error = late
    else note(await sendAll(client, additions, replicas))
  }
}

/** @returns why it is not known that the replicas have it */
async function leaveMark(client: Client, key: string, replicas: number): Promise<Error | null> {
  const results = await client
    .pipeline()
    .set(key, '', 'EX', markSeconds)
    .wait(replicas, markMs)
    .exec()
  return errorOf(results!.slice(0, 1)) ?? lateOf(results![1]!, replicas)
}

/**
 * Sends all in one pipeline, and notes at each what went wrong.
 * @returns why it is not known that the replicas have it
 */
async function sendAll(
  client: Client,
  additions: Addition[],
  replicas: number,
): Promise<Error | null> {
  const pipeline = client.pipeline()
  const ends: number[] = []
  for (const addition of additions) {
    append(pipeline, addition)
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
  return late
}

function append(pipeline: ChainableCommander, { commands }: Addition): void {
  const methods = pipeline as unknown as Record<string, (...args: unknown[]) => unknown>
  // Not `multi`, of which `exec` would mean something else where the client does not know the nodes of a cluster yet.
  pipeline.call('multi')
  for (const { name, args } of commands) methods[name]!(...args)
  pipeline.call('exec')
}

/**
 * As `sendAll`, without a pipeline, which copies what is sent twice, and each command of Redis into itself when it is made.
 * All is written in one turn, so that nothing comes between.
 */
async function sendAlone(client: Redis, addition: Addition): Promise<void> {
  const methods = client as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>
  const stream = client.stream as Redis['stream'] | undefined
  stream?.cork()
  const sent: Promise<unknown>[] = []
  try {
    sent.push(client.call('multi'))
    for (const { name, args } of addition.commands) {
      const [key, value] = args
      const isPayload = name === 'set' && typeof key === 'string' && Buffer.isBuffer(value)
      sent.push(
        isPayload
          ? (client.sendCommand(new SetBytes(key, value)) as Promise<unknown>)
          : methods[name]!(...args),
      )
    }
    sent.push(client.call('exec'))
  } catch (error) {
    // What follows on this connection must not become part of a transaction that was not finished.
    client.disconnect(true)
    void Promise.all(sent.map(resultOf))
    throw error
  } finally {
    stream?.uncork()
  }
  const results = await Promise.all(sent.map(resultOf))
  const error = errorOf(results)
  if (error) addition.error = error
}

/** SET of bytes that go to the socket as they are. Any other command joins its arguments first. */
class SetBytes extends Command {
  private readonly key: string
  private readonly value: Buffer

  constructor(key: string, value: Buffer) {
    super('set', [key, value])
    this.key = key
    this.value = value
  }

  override toWritable(socket: Writable): string {
    const keyLength = Buffer.byteLength(this.key)
    socket.write(`*3\r\n$3\r\nset\r\n$${keyLength}\r\n${this.key}\r\n$${this.value.length}\r\n`)
    socket.write(this.value)
    return '\r\n'
  }
}

async function resultOf(reply: Promise<unknown>): Promise<CommandResult> {
  return reply.then(
    (result) => [null, result],
    (error: Error) => [error, null],
  )
}

/** @param result of WAIT: how many replicas have everything */
function lateOf([error, result]: CommandResult, replicas: number): Error | null {
  if (error) return error
  if (Number(result) >= replicas) return null
  return new NotReplicatedError(
    `only ${Number(result)} of ${replicas} replicas follow (RUNMILL_REDIS_WAIT)`,
  )
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
