import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startRedis } from '../test/support/redis.ts'
import { insertTenant, type TestTenant } from '../test/support/tenant.ts'
import { type FreshStore, withFreshStore } from './fresh-store.ts'
import { watchMemory } from './memory.ts'
import { type Answered, type Order, type Outcome, runsPerRequest } from './overload-client.ts'
import { sendFrom } from './overload-clients.ts'
import { findCommits, summarize, type QueueResult, writeDocs, tableOf } from './overload-report.ts'
import { type RunningServer, withServer } from './server-process.ts'

/*
 * What happens at five times the rate that the server can sustain, for a minute. First that rate is measured. Then the
 * small tenant sends a twentieth of five times that, alone; then the same beside the large tenant, which sends the
 * whole of it. Measured are the answers and their times, the time from an acceptance to the commit that makes it visible
 * (as Postgres noted it), the memory of each process, and at the end whether all that was accepted is there. Each tenant
 * sends from a process of its own, at its time, whether or not earlier requests are answered; nothing that was refused
 * is sent again. The server, Postgres, Redis and this load share the machine.
 *
 *   npx tsx bench/overload.ts [--queue redis|postgres] [--times 5] [--seconds 60] [--rate RUNS_PER_SECOND]
 *     [--redis-memory 100mb] [--seed 1] [--docs] [--json FILE] [--smoke]
 *
 * --rate is the sustainable rate, which is then not measured. --docs writes docs/overload.svg and the table in
 * docs/overload.md. Without --queue both queues are measured, that on Redis only where redis-server is installed.
 */

const { values } = parseArgs({
  options: {
    queue: { type: 'string' },
    times: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '60' },
    rate: { type: 'string' },
    'redis-memory': { type: 'string', default: '100mb' },
    seed: { type: 'string', default: '1' },
    docs: { type: 'boolean', default: false },
    json: { type: 'string' },
    smoke: { type: 'boolean', default: false },
  },
})
const seconds = values.smoke ? 2 : Number(values.seconds)
const times = Number(values.times)
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
        const options = { redisUrl: redis?.url, settings: { LOG_LEVEL: 'error' } }
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
  const send = async (
    { secretKey }: TestTenant,
    order: Pick<Order, 'seconds' | 'rate' | 'connections'>,
  ): Promise<Outcome> => sendFrom({ url, secretKey, seed: seeds++, ...order })
  const accepted = ({ answered }: Outcome): Answered[] =>
    answered.filter(({ status }) => status === 202)
  const drain = async (...outcomes: Outcome[]) =>
    findCommits(db, outcomes.flatMap(accepted), drainLimitMs)

  // What is accepted here is all applied before the rate is measured.
  await drain(await send(large, { seconds: warmUpSeconds, connections: 8 }))
  let sustainable = Number(values.rate ?? 0)
  if (values.rate === undefined) {
    const closed = await send(large, { seconds: seconds / 4, connections: calibrationConnections })
    const commits = [...(await drain(closed)).values()]
    const firstAt = Math.min(...closed.answered.map(({ sentAt }) => sentAt))
    const lastAt = commits.reduce((latest, at) => Math.max(latest, at), 0)
    sustainable = (commits.length * runsPerRequest * 1000) / (lastAt - firstAt)
  }
  const largeRate = (sustainable * times) / runsPerRequest
  console.log(`${queue}: ${sustainable.toFixed(0)} runs/s can be sustained`)

  const alone = await send(small, { seconds: seconds / 3, rate: largeRate / ratio })
  const aloneCommits = await drain(alone)

  const memory = watchMemory({ pids, redisUrl, postgresFolder: join(folder, 'postgres') })
  const startedAt = performance.timeOrigin + performance.now()
  const [beside, flood] = await Promise.all([
    send(small, { seconds, rate: largeRate / ratio }),
    send(large, { seconds, rate: largeRate }),
  ])
  const commits = await drain(beside, flood)
  const series = await memory.stop()
  return {
    queue,
    seconds,
    times,
    sustainable,
    startedAt,
    tenants: [
      summarize('small, alone', alone, aloneCommits),
      summarize('small, beside the large one', beside, commits),
      summarize('large', flood, commits),
    ],
    memory: series,
  }
}
