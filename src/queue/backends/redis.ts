import { randomUUID } from 'node:crypto'
import { Queue, Worker } from 'bullmq'
import { Cluster, Redis, type RedisOptions } from 'ioredis'
import type { QueueBackend, QueueMemory } from '../backend.ts'
import { describeError, silentLog } from '../report.ts'
import { withTimeLimit } from '../time-limit.ts'
import { bullBackend, usualPace } from './bullmq.ts'
import type {
  BullOptions,
  BullQueue,
  Connect,
  Datastore,
  HeldJob,
  KnownShards,
} from './datastore.ts'
import { createAdd } from './redis-add.ts'
import { type Client, mastersOf } from './redis-client.ts'
import { oldestJobs } from './redis-oldest.ts'
import { readPayload, removeOrphans, removePayload } from './redis-payloads.ts'
import { checkPromise, type PromiseOptions } from './redis-promise.ts'
import { parseRedisUrl, type RedisAddress } from './redis-url.ts'

type ClientOptions = Pick<RedisOptions, 'enableOfflineQueue' | 'maxRetriesPerRequest'>

const connectMs = 2_000
/** Longer than for one server, because a cluster's nodes are asked one after the other. */
const startMs = 5_000
const closeMs = 1_000
/**
 * A connection that owes an answer for so long is given up, and another is made: the server hangs, or what is sent does
 * not arrive. No command may take longer.
 */
const silenceMs = 5_000
/** A worker waits for a job for at most so long, in seconds, because that is one command. */
const longestWait = 2
/** A connection that only listens would not notice that nothing arrives. */
const subscriberPingMs = 2_000
/** A process that has not told its number of shards for so long is gone. It tells it every two seconds. */
const shardsMs = 60_000
/** How long the mark of a process outlives it, in seconds. */
const markSeconds = 86_400

/**
 * BullMQ on Redis 6.2 or newer, single, Sentinel or Cluster. A process has 1 connection to produce; and, once they are
 * needed, 1 that all workers share, 1 on which each worker (7 in a process that does everything) waits for jobs, and 1
 * that subscribes: at most 10. Enqueueing while Redis is away fails at once; workers wait until it is back.
 * @param options.url see `parseRedisUrl`
 * @throws Error when the URL cannot be read
 */
export function redisBackend({
  url,
  log = silentLog,
  namespace = 'runmill',
  owner,
  answerMs = usualPace.answerMs,
  isStrict = false,
  replicas = 0,
  shards = 1,
}: RedisQueueOptions): QueueBackend {
  const connect = redisConnect(parseRedisUrl(url), { prefix: namespace, log, isStrict, replicas })
  return bullBackend('redis', connect, log, { owner, pace: { answerMs }, shards })
}

interface RedisQueueOptions extends BullOptions {
  /** `start` refuses a Redis that may lose what it has taken, instead of warning. */
  isStrict?: boolean
  /** How many replicas must have a job before it counts as stored; 0 for none. */
  replicas?: number
  /** How many queues of BullMQ each lane has, which a Cluster spreads over its nodes. */
  shards?: number
}

function redisConnect(
  address: RedisAddress,
  { prefix, ...promise }: PromiseOptions & { prefix: string },
): Connect {
  return async (report) => {
    const clients: Client[] = []
    function open(options: ClientOptions, where: string): Client {
      const client = openClient(address, options)
      client.on('error', (error) => report(error, where))
      clients.push(client)
      return client
    }

    const producer = open(
      {
        // A request must fail fast, not wait in our memory while Redis is away.
        enableOfflineQueue: false,
        maxRetriesPerRequest: 0,
      },
      'producer',
    )
    let mayInfo: boolean
    try {
      await connectClient(producer)
      mayInfo = await checkPromise(mastersOf(producer), promise)
    } catch (error) {
      disconnectAll(clients)
      throw error
    }

    let consumer: Client | undefined
    let subscriber: Client | undefined
    const channel = `${prefix}:applied`

    const common = { prefix, skipVersionCheck: !mayInfo }

    const store: Datastore = {
      openQueue: (name, options) =>
        new Queue(name, { ...options, ...common, connection: producer }),
      openWorker(name, work, options) {
        // Workers outlive an outage: their commands wait for Redis instead of failing.
        if (consumer === undefined) {
          consumer = open({ maxRetriesPerRequest: null }, 'consumer')
          void removeOrphans(consumer, prefix).catch((error: unknown) => report(error, 'payloads'))
        }
        const worker = new Worker(name, work, { ...options, ...common, connection: consumer })
        const backend = worker.getBackend()
        Object.defineProperty(backend, 'maximumBlockTimeout', { value: longestWait })
        const moveToActive = backend.moveToActive.bind(backend)
        backend.moveToActive = (token, by) =>
          moveToActive(token, by).catch((error: unknown) => {
            report(error, `worker ${name}`)
            throw waitWhileFull(error)
          })
        return worker
      },
      addAll: createAdd(producer, promise.replicas),
      takesPlain: true,
      read: async (data) => readPayload(consumer!, data),
      forget: async (data) => removePayload(consumer!, data),
      shards: (own) => shardsIn(producer, `${prefix}:shards`, own),
      // BullMQ schedules in one script, so no lock is needed.
      alone: (work) => work(),
      publish: (message) => producer.publish(channel, message),
      async subscribe(deliver) {
        if (!subscriber) {
          const client = open({ maxRetriesPerRequest: null }, 'subscriber')
          client.on('message', (_channel, message) => deliver(message))
          const ping = setInterval(() => void client.ping().catch(() => {}), subscriberPingMs)
          client.once('end', () => clearInterval(ping.unref()))
          subscriber = client
        }
        await subscriber.subscribe(channel)
      },
      held: async (queue) => listHeld(producer, queue),
      release: async (queue, { id, token }) =>
        queue
          .getBackend()
          .moveJobFromActiveToWait(id, token)
          .catch((error: unknown) => {
            if (!isTakenMeanwhile(error)) throw error
          }),
      hasLostMark: markIn(producer, `${prefix}:mark:${randomUUID()}`),
      oldest: (queue) => oldestJobs(producer, queue),
      memory: async () => (mayInfo ? memoryOf(producer) : null),
      ping: () => producer.ping(),
      async close() {
        await withTimeLimit(
          Promise.allSettled(clients.map((client) => client.quit())),
          closeMs,
        ).catch(() => {})
        disconnectAll(clients)
      },
    }
    return store
  }
}

function openClient(address: RedisAddress, options: ClientOptions): Client {
  const { enableOfflineQueue = true, ...others } = options
  const shared = { ...others, connectTimeout: connectMs, socketTimeout: silenceMs }
  const retryStrategy = (times: number) => Math.min(50 * times, 1_000)
  if (address.kind === 'single') {
    return new Redis({
      ...address.options,
      ...shared,
      enableOfflineQueue,
      retryStrategy,
      lazyConnect: true,
    })
  }
  return new Cluster(address.nodes, {
    redisOptions: { ...address.options, ...shared },
    enableOfflineQueue,
    clusterRetryStrategy: retryStrategy,
    lazyConnect: true,
  })
}

/**
 * Connects, and throws the real reason when that fails: ioredis throws only "Connection is closed.", and tells the
 * reason in an earlier event.
 */
async function connectClient(client: Client): Promise<void> {
  let reason: unknown
  const remember = (error: unknown) => {
    reason = error
  }
  client.on('error', remember)
  try {
    await withTimeLimit(client.connect(), startMs)
  } catch (error) {
    throw reason ?? error
  } finally {
    client.off('error', remember)
  }
}

function disconnectAll(clients: Client[]): void {
  for (const client of clients) client.disconnect()
}

/**
 * A Redis whose memory is full takes no job out of its lists either. BullMQ asks again after a pause only where it takes
 * the error for a lost connection, by its code; after any other it asks again at once, 30,000 times a second.
 * Test: `workers wait while it is full` in test/queue/backlog.test.ts.
 */
function waitWhileFull(error: unknown): unknown {
  const text = describeError(error)
  if (!text.includes('OOM')) return error
  return Object.assign(new Error(`Redis is full: ${text}`, { cause: error }), {
    code: 'ECONNREFUSED',
  })
}

/** Keeps every number that a process ever had, with when one last said so: it may have left jobs in its shards. */
async function shardsIn(client: Client, key: string, own: number): Promise<KnownShards> {
  const now = Date.now()
  // Everybody looks at the first shard. A Redis that is full, or lacks replicas, takes no word: workers start all the same.
  const refused = own > 1 ? await errorIn(client.zadd(key, 'GT', now, own)) : null
  const all = await client.zrangebyscore(key, '-inf', '+inf')
  if (refused !== null && !all.includes(String(own))) throw refused
  const inUse = await client.zrangebyscore(key, now - shardsMs, '+inf')
  return { inUse: Math.max(own, ...inUse.map(Number)), ever: Math.max(own, ...all.map(Number)) }
}

async function errorIn(work: Promise<unknown>): Promise<Error | null> {
  return work.then(
    () => null,
    (error: Error) => error,
  )
}

/** In the order in which jobs go to where the next is taken: the oldest last. */
async function listHeld(client: Client, queue: BullQueue): Promise<HeldJob[]> {
  const ids = await client.lrange(queue.toKey('active'), 0, -1)
  if (ids.length === 0) return []
  const tokens = await client.mget(ids.map((id) => `${queue.toKey(id)}:lock`))
  return ids.flatMap((id, i) => (tokens[i] ? [{ id, token: tokens[i] }] : []))
}

/** The job is gone, or its lock is gone or another's. */
function isTakenMeanwhile(error: unknown): boolean {
  return error instanceof Error && 'code' in error && [-1, -2, -6].includes(Number(error.code))
}

/**
 * The mark is a number that grows. Redis was emptied when it is gone, and is an older copy when it is smaller: a replica
 * that lagged took over, or the end of its file was lost. On a cluster, this looks at one node.
 */
function markIn(client: Client, key: string): () => Promise<boolean> {
  let last = 0
  return async () => {
    const next = last + 1
    const found = await client.set(key, next, 'EX', markSeconds, 'GET')
    const isLost = Number(found ?? 0) < last
    last = next
    return isLost
  }
}

/** The memory of the server, or of the fullest node of a cluster; null where there is no limit. */
async function memoryOf(client: Client): Promise<QueueMemory | null> {
  const memories = await Promise.all(
    mastersOf(client).map(async (node) => {
      const info = await node.info('memory')
      const numberOf = (field: string) =>
        Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(info)?.[1] ?? 0)
      return { usedBytes: numberOf('used_memory'), maxBytes: numberOf('maxmemory') }
    }),
  )
  const limited = memories.filter(({ maxBytes }) => maxBytes > 0)
  const fullness = ({ usedBytes, maxBytes }: QueueMemory) => usedBytes / maxBytes
  return limited.toSorted((a, b) => fullness(b) - fullness(a))[0] ?? null
}
