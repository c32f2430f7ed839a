import { Agent, request } from 'node:http'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createRandom, type Random } from '../../chaos/random.ts'

/*
 * One tenant's clients, in a process of their own, so that they wait neither for the server nor for each other: bench
 * processes fork it and tell it what to send. Bodies are made before the first is sent; only ids are new in each.
 */

/** What is sent. Requests are those of LangSmith's `POST /runs/batch`: one trace of 20 runs. */
export interface Order {
  url: string
  secretKey: string
  seed: number
  seconds: number
  /** Requests a second, sent at their time whether or not earlier ones are answered. */
  rate?: number
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
const answerLimitMs = 60_000
/** The ids of a body: of the root, which each run repeats, and of each further run. */
const placeholders = Array.from({ length: runsPerRequest }, (_, i) => placeholder(i))

if (process.send !== undefined && process.argv[2] === 'client') {
  process.once('message', (order) => {
    void run(order as Order).then((outcome) => {
      process.send!(outcome, () => process.disconnect())
    })
  })
}

async function run({ url, secretKey, seed, seconds, rate, connections }: Order): Promise<Outcome> {
  const random = createRandom(seed)
  const bodies = Array.from({ length: bodiesKept }, () => createBody(random))
  const { hostname: host, port } = new URL(url)
  const agent = new Agent({
    keepAlive: true,
    maxSockets: mostConnections,
    maxFreeSockets: mostConnections,
  })
  const open = rate === undefined ? (connections ?? 1) : mostConnections
  await Promise.all(Array.from({ length: open }, async () => knock({ host, port, agent })))
  const answered: Answered[] = []
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const startedAt = performance.now()
  const isOver = (): boolean => performance.now() - startedAt > seconds * 1000

  async function send(): Promise<void> {
    const { id, bytes } = random.pick(bodies)(random)
    const headers = {
      'x-api-key': secretKey,
      'content-type': 'application/json',
      'content-length': bytes.length,
    }
    const sentAt = performance.now()
    const status = await new Promise<number>((resolve) => {
      const options = { host, port, path: '/runs/batch', method: 'POST', headers, agent }
      const sent = request({ ...options, timeout: answerLimitMs }, (answer) => {
        answer.resume().once('end', () => resolve(answer.statusCode ?? 0))
        answer.once('error', () => resolve(0))
      })
      sent.once('timeout', () => sent.destroy(new Error('no answer')))
      sent.on('error', () => resolve(0)).end(bytes)
    })
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
  agent.destroy()
  return { answered, ownDelayMs: delay.percentile(99) / 1e6 }
}

/** Opens a connection, which the agent keeps. */
async function knock(where: { host: string; port: string; agent: Agent }): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const knocking = request({ ...where, path: '/livez' }, (answer) => {
      answer.resume().once('end', resolve)
    })
    knocking.once('error', reject).end()
  })
}

/** @returns a function that gives the body new ids. The text compresses about as well as conversations do. */
function createBody(random: Random): (random: Random) => { id: string; bytes: Buffer } {
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
  const text = JSON.stringify({ post })
  const positions = placeholders.map((id) =>
    [...text.matchAll(new RegExp(id, 'g'))].map(({ index }) => index),
  )
  const template = Buffer.from(text, 'latin1')
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
