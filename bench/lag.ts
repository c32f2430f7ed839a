import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Db } from '../src/store/pool.ts'
import { insertTenant } from '../test/support/tenant.ts'
import { withFreshStore } from './fresh-store.ts'
import { withServer } from './server-process.ts'
import { publish } from './suite/publish.ts'
import { withRedis } from './suite/redis.ts'
import { percentile } from './suite/spread.ts'

/*
 * At a steady rate of events: how long until a request is answered, and from then until what it wrote is committed
 * (architecture.md 10: at 2,000 events a second, p99 of 10 ms and of 100 ms). Requests of 20 runs with 1 kB of inputs
 * and of outputs each, sent at their time whether or not earlier ones are answered; the server and this load share the
 * machine.
 *
 *   npm run bench -- lag [--rate 2000] [--seconds 20] [--redis own|redis://127.0.0.1:6379] [--against .] [--docs]
 *     [--smoke]
 */

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '20' },
    redis: { type: 'string' },
    against: { type: 'string' },
    docs: { type: 'boolean', default: false },
    smoke: { type: 'boolean', default: false },
  },
})
const rate = values.smoke ? 200 : Number(values.rate)
const seconds = values.smoke ? 2 : Number(values.seconds)
const runsPerRequest = 20
const lookEveryMs = 5
const warmUpSeconds = values.smoke ? 1 : 5
const start = Date.UTC(2026, 0, 1)
const body = { messages: [{ role: 'user', content: 'What is the answer? '.repeat(50) }] }

await withRedis(values.redis, async (redisUrl) =>
  withFreshStore(async (store) => {
    const { db } = store
    const { secretKey } = await insertTenant(db)
    await withServer(store, { redisUrl, against: values.against }, async ({ url }) => {
      const send = async (text: string): Promise<void> => {
        const response = await fetch(`${url}/runs/batch`, {
          method: 'POST',
          headers: { 'x-api-key': secretKey, 'content-type': 'application/json' },
          body: text,
        })
        if (response.status !== 202) throw new Error(`${response.status} ${await response.text()}`)
        await response.arrayBuffer()
      }
      // The first requests compile the code that the others run.
      await measure(db, send, warmUpSeconds)
      const { accept, lag } = await measure(db, send, seconds)
      const mode = redisUrl === undefined ? 'all in one process' : 'Redis, API and worker apart'
      const acceptedMs = { p50: percentile(accept, 50), p99: percentile(accept, 99) }
      const visibleMs = { p50: percentile(lag, 50), p99: percentile(lag, 99) }
      console.log(
        `${rate} events/s for ${seconds} s, ${mode}: accepted in p50 ${acceptedMs.p50.toFixed(1)}, p99 ${acceptedMs.p99.toFixed(1)} ms; visible after p50 ${visibleMs.p50.toFixed(1)}, p99 ${visibleMs.p99.toFixed(1)} ms more`,
      )
      if (!values.docs) return
      const name = redisUrl === undefined ? 'lag-one-process' : 'lag-redis'
      await publish(name, { rate, seconds, acceptedMs, visibleMs }, { db, redisUrl })
    })
  }),
)

async function measure(
  db: Db,
  send: (text: string) => Promise<void>,
  forSeconds: number,
): Promise<{ accept: number[]; lag: number[] }> {
  const accept: number[] = []
  const lag: number[] = []
  const acceptedAt = new Map<string, number>()
  const requests = Array.from({ length: (forSeconds * rate) / runsPerRequest }, requestBody)
  let unanswered = requests.length
  const first = performance.now()
  const sending = requests.map(async ({ id, text }, i) => {
    await setTimeout((i * 1000 * runsPerRequest) / rate)
    const before = performance.now()
    await send(text)
    const after = performance.now()
    accept.push(after - before)
    acceptedAt.set(id, after)
    unanswered--
  })
  const looking = (async () => {
    while (unanswered > 0 || acceptedAt.size > 0) {
      if (performance.now() - first > (forSeconds + 60) * 1000) throw new Error('not visible yet')
      await setTimeout(lookEveryMs)
      const ids = [...acceptedAt.keys()]
      const rows = await db<{ id: string }[]>`select id from runs where id = any(${ids})`
      const now = performance.now()
      for (const { id } of rows) {
        lag.push(now - acceptedAt.get(id)!)
        acceptedAt.delete(id)
      }
    }
  })()
  await Promise.all([...sending, looking])
  return { accept, lag }
}

/** @returns the text of a request, and the id of its last run */
function requestBody(): { id: string; text: string } {
  const runs = Array.from({ length: runsPerRequest / 4 }, () => {
    const root = randomUUID()
    const run = {
      name: 'run',
      start_time: start,
      end_time: start + 1000,
      inputs: body,
      outputs: body,
    }
    const child = { ...run, trace_id: root, parent_run_id: root, run_type: 'llm' }
    return [
      { ...run, id: root, trace_id: root, run_type: 'chain' },
      ...Array.from({ length: 3 }, () => ({ ...child, id: randomUUID() })),
    ]
  }).flat()
  return { id: runs.at(-1)!.id, text: JSON.stringify({ post: runs }) }
}
