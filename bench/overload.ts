import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startRedis } from '../test/support/redis.ts'
import { insertTenant, type TestTenant } from '../test/support/tenant.ts'
import { type FreshStore, withFreshStore } from './fresh-store.ts'
import { watchMemory } from './memory.ts'
import { type Answered, type Order, type Outcome, runsPerRequest } from './overload/client.ts'
import { sendFrom, withSink } from './overload/clients.ts'
import {
  findCommits,
  type LoadResult,
  type QueueResult,
  summarize,
  tableOf,
  writeDocs,
} from './overload/report.ts'
import { type RunningServer, withServer } from './server-process.ts'

/*
 * What happens just below the rate that the server can sustain, and at five times that. First the rate is measured. Then,
 * for each load, the small tenant sends a twentieth of it alone; then the same while the large tenant's load goes to a
 * process that only answers, which shows what the load itself takes of the machine; then beside the large tenant, which
 * sends the whole of it. Measured are the answers and their times, the time from an acceptance to the commit that makes
 * it visible (as Postgres noted it), the memory of each process, how long turns of the server's event loop are, and at
 * the end whether all that was accepted is there. Each tenant sends from a process of its own, which has rehearsed, at
 * its time, whether or not earlier requests are answered; nothing that was refused is sent again. The server, Postgres,
 * Redis and this load share the machine.
 *
 *   npm run bench -- overload [--queue redis|postgres] [--times 0.9,5] [--seconds 60] [--rate RUNS_PER_SECOND]
 *     [--redis-memory 100mb] [--seed 1] [--against FOLDER] [--docs] [--json FILE] [--smoke]
 *
 * --against is a folder with a `dist`, of another version or of this one (`npm run build`, `--against .`), as in bench/ingest.ts.
 * --rate is the sustainable rate, which is then not measured. --docs writes docs/overload.svg and the table in
 * docs/overload.md. Without --queue both queues are measured, that on Redis only where redis-server is installed.
 */

const { values } = parseArgs({
  options: {
    queue: { type: 'string' },
    times: { type: 'string', default: '0.9,5' },
    seconds: { type: 'string', default: '60' },
    rate: { type: 'string' },
    'redis-memory': { type: 'string', default: '100mb' },
    seed: { type: 'string', default: '1' },
    docs: { type: 'boolean', default: false },
    json: { type: 'string' },
    against: { type: 'string' },
    smoke: { type: 'boolean', default: false },
  },
})
const seconds = values.smoke ? 1 : Number(values.seconds)
const loads = values.times.split(',').map(Number)
const seed = Number(values.seed)
/** What the large tenant sends, of what the small one sends. */
const ratio = 20
const calibrationConnections = 32
/** Whatever was accepted must be committed so long after the last request. */
const drainLimitMs = 180_000
/** So that each process has compiled what it runs. */
const warmUpSeconds = values.smoke ? 1 : 5

const results: QueueResult[] = []
for (const queue of ['redis', 'postgres'] as const) {
  if (values.queue !== undefined && values.queue !== queue) continue
  if (queue === 'redis' && spawnSync('redis-server', ['--version']).status !== 0) {
    console.log('The queue on Redis is left out: redis-server is not installed.')
    continue
  }
  const result = await measure(queue)
  console.log(tableOf([result]))
  results.push(result)
}
if (values.json !== undefined) await writeFile(values.json, JSON.stringify(results))
if (values.docs) await writeDocs(results)

async function measure(queue: 'redis' | 'postgres'): Promise<QueueResult> {
  const redis =
    queue === 'redis'
      ? await startRedis([
          '--maxmemory',
          values['redis-memory'],
          '--maxmemory-policy',
          'noeviction',
        ])
      : null
  let result: QueueResult | undefined
  try {
    await withFreshStore(
      async (store) => {
        const { against } = values
        const options = { redisUrl: redis?.url, settings: { LOG_LEVEL: 'error' }, against }
        await withServer(store, options, async (server) => {
          result = await measureServer(queue, store, server, redis?.url)
        })
      },
      { settings: { track_commit_timestamp: 'on' } },
    )
  } finally {
    await redis?.stop()
  }
  return result!
}

async function measureServer(
  queue: string,
  { db, folder }: FreshStore,
  { url, pids }: RunningServer,
  redisUrl: string | undefined,
): Promise<QueueResult> {
  const [small, large] = [await insertTenant(db), await insertTenant(db)]
  let seeds = seed
  const orderOf = (
    tenant: TestTenant,
    order: Pick<Order, 'seconds' | 'rate' | 'connections'>,
  ): Order => ({ url, tenant, seed: seeds++, ...order })
  const accepted = ({ answered }: Outcome): Answered[] =>
    answered.filter(({ status }) => status === 202)
  const drain = async (...outcomes: Outcome[]) =>
    findCommits(db, outcomes.flatMap(accepted), drainLimitMs)

  // What is accepted here is all applied before the rate is measured.
  await drain(...(await sendFrom([orderOf(large, { seconds: warmUpSeconds, connections: 8 })])))
  let sustainable = Number(values.rate ?? 0)
  if (values.rate === undefined) {
    const order = { seconds: seconds / 4, connections: calibrationConnections }
    const [closed] = await sendFrom([orderOf(large, order)])
    const commits = [...(await drain(closed)).values()]
    const firstAt = Math.min(...closed.answered.map(({ sentAt }) => sentAt))
    const lastAt = commits.reduce((latest, at) => Math.max(latest, at), 0)
    sustainable = (commits.length * runsPerRequest * 1000) / (lastAt - firstAt)
  }
  console.log(`${queue}: ${sustainable.toFixed(0)} runs/s can be sustained`)
  // And what refuses has run before, too.
  const rate = (sustainable * Math.max(...loads)) / runsPerRequest
  await drain(...(await sendFrom([orderOf(large, { seconds: warmUpSeconds, rate })])))

  async function measureLoad(times: number): Promise<LoadResult> {
    const ofLarge = { seconds, rate: (sustainable * times) / runsPerRequest }
    const ofSmall = { seconds, rate: ofLarge.rate / ratio }
    const [alone] = await sendFrom([orderOf(small, ofSmall)])
    const aloneCommits = await drain(alone)
    const [besideLoad] = await withSink(async (sinkUrl) =>
      sendFrom([orderOf(small, ofSmall), { ...orderOf(large, ofLarge), url: sinkUrl }]),
    )
    const besideLoadCommits = await drain(besideLoad)
    let startedAt = 0
    let memory: ReturnType<typeof watchMemory> | undefined
    const orders = [orderOf(small, ofSmall), orderOf(large, ofLarge)] as const
    const [beside, flood] = await sendFrom(orders, async () => {
      await readTurns(url)
      memory = watchMemory({ pids, redisUrl, postgresFolder: join(folder, 'postgres') })
      startedAt = performance.timeOrigin + performance.now()
    })
    const turnsMs = await readTurns(url)
    const commits = await drain(beside, flood)
    return {
      times,
      startedAt,
      tenants: [
        summarize('small, alone', alone, aloneCommits),
        summarize('small, beside the load alone', besideLoad, besideLoadCommits),
        summarize('small, beside the large one', beside, commits),
        summarize('large', flood, commits),
      ],
      memory: await memory!.stop(),
      turnsMs,
    }
  }

  const measured: LoadResult[] = []
  for (const times of loads) measured.push(await measureLoad(times))
  return { queue, seconds, sustainable, loads: measured }
}

/**
 * How late the server's event loop was since the last call, at the 99th percentile and at most, in milliseconds. What a
 * timer of 10 ms shows: its own time is part of it.
 */
async function readTurns(url: string): Promise<LoadResult['turnsMs']> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const read = (name: string): number =>
    Number(new RegExp(`^nodejs_eventloop_lag_${name}_seconds (\\S+)`, 'm').exec(text)?.[1]) * 1000
  return { p99: read('p99'), max: read('max') }
}
