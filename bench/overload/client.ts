import { once } from 'node:events'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createRandom, type Random } from '../../chaos/random.ts'
import type { TestTenant } from '../../test/support/tenant.ts'
import { openConnection, type Connection } from '../connection.ts'
import { httpRequest } from '../ingest-requests.ts'
import { createSink, listen } from './sink.ts'

/*
 * One tenant's clients, in a process of their own, so that they wait neither for the server nor for each other: bench
 * processes fork it, tell it what to send, and, once it says that it is ready, tell it to begin. Until then it makes the
 * bodies, of which only the ids are new when they are sent, and rehearses, because a process that compiles what it runs takes
 * several times as much of the machine.
 */

/** What is sent. Requests are those of LangSmith's `POST /runs/batch`: one trace of 20 runs. */
export interface Order {
  url: string
  tenant: TestTenant
  seed: number
  seconds: number
  /** Requests a second, sent at their time whether or not earlier ones are answered. */
  rate?: number | undefined
  /** Instead of a rate: so many clients send the next request when the last one is answered. */
  connections?: number
}

export interface Answered {
  /** Milliseconds since 1970, with fractions. */
  sentAt: number
  ms: number
  /** 0: no answer. */
  status: number
  /** Of the trace that was sent. */
  id: string
}

export interface Outcome {
  answered: Answered[]
  /** How late this process itself was, at the 99th percentile, in milliseconds. */
  ownDelayMs: number
}

export const runsPerRequest = 20

/** Connections of one tenant at most, as SDKs keep them. They are opened before anything is measured. */
const mostConnections = 256
const bodiesKept = 40
const rehearsalSeconds = 1
const answerLimitMs = 60_000
const knock = Buffer.from('GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n')
/** The ids of a body: of the root, which each run repeats, and of each further run. */
const placeholders = Array.from({ length: runsPerRequest }, (_, i) => placeholder(i))

if (process.send !== undefined && process.argv[2] === 'client') {
  process.once('message', (order) => {
    void run(order as Order).then((outcome) => {
      process.send!(outcome, () => process.disconnect())
    })
  })
}

/** Sends to a server of its own, which reads requests and answers each at once. */
async function rehearse(order: Order): Promise<void> {
  const server = createSink()
  const url = await listen(server)
  await sendAll({ ...order, url, seconds: rehearsalSeconds, rate: undefined, connections: 64 })
  server.close()
}

async function run(order: Order): Promise<Outcome> {
  await rehearse(order)
  return sendAll(order, async () => {
    const told = once(process, 'message')
    process.send!('ready')
    await told
  })
}

/** @param whenReady is called once all connections are open, and resolves when the first request may be sent */
async function sendAll(
  { url, tenant, seed, seconds, rate, connections }: Order,
  whenReady: () => Promise<void> = async () => {},
): Promise<Outcome> {
  const random = createRandom(seed)
  const requests = Array.from({ length: bodiesKept }, () => createRequest(random, tenant))
  const open = rate === undefined ? (connections ?? 1) : mostConnections
  const pool = await openPool(url, open)
  await whenReady()
  const answered: Answered[] = []
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const startedAt = performance.now()
  const isOver = (): boolean => performance.now() - startedAt > seconds * 1000

  async function send(): Promise<void> {
    const { id, bytes } = random.pick(requests)(random)
    const sentAt = performance.now()
    const status = await pool.exchange(bytes)
    const ms = performance.now() - sentAt
    answered.push({ sentAt: performance.timeOrigin + sentAt, ms, status, id })
  }

  if (rate === undefined) {
    await Promise.all(
      Array.from({ length: connections ?? 1 }, async () => {
        while (!isOver()) await send()
      }),
    )
  } else {
    const sending: Promise<void>[] = []
    while (!isOver()) {
      const due = ((performance.now() - startedAt) * rate) / 1000
      while (sending.length < due) sending.push(send())
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    await Promise.all(sending)
  }
  pool.close()
  delay.disable()
  return { answered, ownDelayMs: delay.percentile(99) / 1e6 }
}

interface Pool {
  /** @returns the status of the answer; 0: there was none */
  exchange(request: Uint8Array): Promise<number>
  close(): void
}

/** Opens so many connections. Requests take the one that was used last, and wait while all are in use. */
async function openPool(url: string, size: number): Promise<Pool> {
  const open = async (): Promise<Connection> => openConnection(url, answerLimitMs)
  const idle = await Promise.all(Array.from({ length: size }, open))
  // A connection is accepted once something was answered on it.
  const answers = await Promise.all(idle.map(async (connection) => connection.exchange(knock)))
  if (answers.some((answer) => answer?.status !== 200)) throw new Error('no connection')
  const waiting: ((connection: Connection) => void)[] = []

  function giveBack(connection: Connection): void {
    const next = waiting.shift()
    if (next === undefined) idle.push(connection)
    else next(connection)
  }

  return {
    async exchange(request) {
      const free = idle.pop() ?? (await new Promise<Connection>((resolve) => waiting.push(resolve)))
      // The server may have closed what was not used for long.
      const connection = free.isOpen ? free : await open().catch(() => free)
      const answer = await connection.exchange(request)
      giveBack(connection)
      return answer?.status ?? 0
    },
    close() {
      for (const connection of idle) connection.close()
    },
  }
}

/** @returns a function that gives the request new ids. The text compresses about as well as conversations do. */
function createRequest(
  random: Random,
  tenant: TestTenant,
): (random: Random) => { id: string; bytes: Buffer } {
  const start_time = new Date().toISOString()
  const words = Array.from({ length: 2000 }, () => Math.floor(random.next() * 36 ** 5).toString(36))
  const messages = () => ({
    messages: [
      { role: 'user', content: Array.from({ length: 160 }, () => random.pick(words)).join(' ') },
    ],
  })
  const post = placeholders.map((id, i) => ({
    id,
    trace_id: placeholders[0],
    ...(i === 0 ? {} : { parent_run_id: placeholders[0] }),
    name: 'run',
    run_type: i === 0 ? 'chain' : 'llm',
    start_time,
    end_time: start_time,
    inputs: messages(),
    outputs: messages(),
  }))
  const body = Buffer.from(JSON.stringify({ post }), 'latin1')
  const template = httpRequest(tenant, '/runs/batch', 'application/json', body)
  const text = template.toString('latin1')
  const positions = placeholders.map((id) =>
    [...text.matchAll(new RegExp(id, 'g'))].map(({ index }) => index),
  )
  return (ids) => {
    const bytes = Buffer.from(template)
    const fresh = placeholders.map(() => createUuid(ids))
    for (const [i, places] of positions.entries()) {
      for (const place of places) bytes.write(fresh[i]!, place, 'latin1')
    }
    return { id: fresh[0]!, bytes }
  }
}

function createUuid(random: Random): string {
  const hex = (digits: number): string =>
    Math.floor(random.next() * 16 ** digits)
      .toString(16)
      .padStart(digits, '0')
  return `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(6)}${hex(6)}`
}

function placeholder(i: number): string {
  return `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`
}
