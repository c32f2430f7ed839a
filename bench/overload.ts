import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Db } from '../src/store/pool.ts'
import { insertTenant, type TestTenant } from '../test/support/tenant.ts'
import { withFreshStore } from './fresh-store.ts'
import { withServer } from './server-process.ts'

/*
 * Two tenants, one of which sends twenty times as much as the other: what each is answered and how fast, how long until
 * what was accepted is committed, for the small one alone and beside the large one, and the memory of each process. A
 * third of the time the small one is alone. Requests of 20 runs with 2 kB each are sent at their time, whether or not
 * earlier ones are answered, and those that are refused are not sent again; the server and this load share the machine.
 *
 *   npx tsx bench/overload.ts [--rate 200] [--times 20] [--seconds 60] [--backlog 67108864]
 *     [--redis redis://127.0.0.1:6379] [--smoke]
 */

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '200' },
    times: { type: 'string', default: '20' },
    seconds: { type: 'string', default: '60' },
    backlog: { type: 'string', default: '67108864' },
    redis: { type: 'string' },
    smoke: { type: 'boolean', default: false },
  },
})
/** Runs a second, of the small tenant. */
const rate = values.smoke ? 40 : Number(values.rate)
const times = Number(values.times)
const seconds = values.smoke ? 5 : Number(values.seconds)
const runsPerRequest = 20
const lookEveryMs = 5
/** Whatever was accepted must be committed so long after the last request. */
const drainSeconds = 120
/** Of the large tenant's requests one in so many is looked for. */
const lookForOneIn = 10

const body = { messages: [{ role: 'user', content: 'What is the answer? '.repeat(50) }] }

interface Figures {
  statuses: Map<number, number>
  accepted: number[]
  refused: number[]
  lag: number[]
}

await withFreshStore(async (store) => {
  const { db } = store
  const [small, large] = [await insertTenant(db), await insertTenant(db)]
  const settings = { RUNMILL_BACKLOG_BYTES: values.backlog, LOG_LEVEL: 'error' }
  await withServer(store, { redisUrl: values.redis, settings }, async ({ url, peakMemories }) => {
    const queue = values.redis === undefined ? 'Postgres queue, one process' : 'Redis queue'
    console.log(`${rate} runs/s, and ${rate * times} runs/s beside it; ${queue}`)
    // The first requests compile the code that the others run.
    await load(db, url, small, { rate, forSeconds: seconds / 10, lookFor: 1 })
    const alone = await load(db, url, small, { rate, forSeconds: seconds / 3, lookFor: 1 })
    print('small, alone', alone)
    const forSeconds = (seconds * 17) / 30
    const [beside, other] = await Promise.all([
      load(db, url, small, { rate, forSeconds, lookFor: 1 }),
      load(db, url, large, { rate: rate * times, forSeconds, lookFor: lookForOneIn }),
    ])
    print('small, beside the large one', beside)
    print('large', other)
    const peaks = (await peakMemories()).map((bytes) =>
      bytes === null ? '?' : (bytes / 1_048_576).toFixed(0),
    )
    console.log(`peak memory of each process, API first: ${peaks.join(', ')} MiB`)
  })
})

async function load(
  db: Db,
  url: string,
  tenant: TestTenant,
  { rate, forSeconds, lookFor }: { rate: number; forSeconds: number; lookFor: number },
): Promise<Figures> {
  const figures: Figures = { statuses: new Map(), accepted: [], refused: [], lag: [] }
  const acceptedAt = new Map<string, number>()
  const count = Math.ceil((forSeconds * rate) / runsPerRequest)
  let unanswered = count
  const first = performance.now()
  const sending = Array.from({ length: count }, async (_, i) => {
    await setTimeout((i * 1000 * runsPerRequest) / rate)
    const { id, text } = requestBody()
    const before = performance.now()
    const status = await send(url, tenant, text)
    const after = performance.now()
    figures.statuses.set(status, (figures.statuses.get(status) ?? 0) + 1)
    ;(status === 202 ? figures.accepted : figures.refused).push(after - before)
    if (status === 202 && i % lookFor === 0) acceptedAt.set(id, after)
    unanswered -= 1
  })
  const looking = (async () => {
    while (unanswered > 0 || acceptedAt.size > 0) {
      if (performance.now() - first > (forSeconds + drainSeconds) * 1000) {
        throw new Error(`${acceptedAt.size} accepted requests cannot be read`)
      }
      await setTimeout(lookEveryMs)
      const ids = [...acceptedAt.keys()]
      const rows = await db<{ id: string }[]>`
        select id from runs where tenant_id = ${tenant.id} and id = any(${ids})`
      const now = performance.now()
      for (const { id } of rows) {
        figures.lag.push(now - acceptedAt.get(id)!)
        acceptedAt.delete(id)
      }
    }
  })()
  await Promise.all([...sending, looking])
  return figures
}

/** @returns the status; 0 when there was no answer */
async function send(url: string, { secretKey }: TestTenant, text: string): Promise<number> {
  const headers = { 'x-api-key': secretKey, 'content-type': 'application/json' }
  try {
    const response = await fetch(`${url}/runs/batch`, { method: 'POST', headers, body: text })
    await response.arrayBuffer()
    return response.status
  } catch {
    return 0
  }
}

/** @returns the text of a request of one trace, and the id of its last run */
function requestBody(): { id: string; text: string } {
  const root = randomUUID()
  const time = new Date().toISOString()
  const shared = { trace_id: root, name: 'run', start_time: time, end_time: time }
  const children = Array.from({ length: runsPerRequest - 1 }, () => ({
    ...shared,
    id: randomUUID(),
    parent_run_id: root,
    run_type: 'llm',
    inputs: body,
    outputs: body,
  }))
  const post = [{ ...shared, id: root, run_type: 'chain', inputs: body }, ...children]
  return { id: children.at(-1)!.id, text: JSON.stringify({ post }) }
}

function print(who: string, { statuses, accepted, refused, lag }: Figures): void {
  const counts = [...statuses].map(([status, count]) => `${count} × ${status || 'no answer'}`)
  console.log(
    `${who}: ${counts.join(', ')}; accepted in ${spread(accepted)} ms; refused in ${spread(refused)} ms; visible after ${spread(lag)} ms`,
  )
}

function spread(times: number[]): string {
  const sorted = times.toSorted((a, b) => a - b)
  const percentile = (percent: number) =>
    sorted[Math.ceil((percent / 100) * sorted.length) - 1]?.toFixed(1) ?? '-'
  return `p50 ${percentile(50)}, p99 ${percentile(99)}`
}
