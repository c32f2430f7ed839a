// npm run chaos -- --failover: what a promoted replica that lagged has of the jobs that Redis had acknowledged.
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { redisBackend } from '../src/queue/backends/redis.ts'
import { startRedis } from '../test/support/redis.ts'
import { startFaultProxy } from './proxy.ts'

/** What is asked of Redis before a job counts as acknowledged. */
interface Durability {
  name: string
  /** Of redis.conf, at the primary. */
  settings: string[]
  /** Milliseconds that `WAIT 1` may take after each enqueue; null: it is not asked. */
  waitMs: number | null
}

export interface FailoverRow {
  durability: string
  acknowledged: number
  /** Not acknowledged: Redis refused the job, or no replica confirmed it. */
  refused: number
  lost: number
  p50: number
  p99: number
}

const durabilities: Durability[] = [
  { name: 'nothing', settings: [], waitMs: null },
  {
    name: 'min-replicas-to-write 1',
    settings: ['--min-replicas-to-write', '1', '--min-replicas-max-lag', '1'],
    waitMs: null,
  },
  { name: 'WAIT 1 after each enqueue', settings: [], waitMs: 1000 },
]
/** While the replica follows, and then while nothing reaches it. */
const followedMs = 4000
const cutMs = 4000
const jobEveryMs = 5

/**
 * Enqueues through the product's own queue while a replica follows, then while its link passes nothing on, and promotes
 * the replica. The primary is gone then.
 */
export async function measureFailover(): Promise<FailoverRow[]> {
  const rows: FailoverRow[] = []
  for (const durability of durabilities) rows.push(await failOver(durability))
  return rows
}

async function failOver({ name, settings, waitMs }: Durability): Promise<FailoverRow> {
  const primary = await startRedis(settings)
  const link = await startFaultProxy(primary.port)
  const replica = await startRedis(['--replicaof', `127.0.0.1 ${link.port}`])
  const queue = redisBackend({ url: primary.url })
  const [waiter, promoted] = [new Redis(primary.url), new Redis(replica.url)]
  for (const client of [waiter, promoted]) client.on('error', () => {})
  try {
    await queue.start()
    await untilLinked(waiter)
    const times: number[] = []
    const acknowledged: string[] = []
    let refused = 0
    const begunAt = Date.now()
    let isCut = false
    for (let i = 0; Date.now() - begunAt < followedMs + cutMs; i++) {
      if (!isCut && Date.now() - begunAt > followedMs) {
        isCut = true
        link.hold()
      }
      const batchId = `batch-${i}`
      const from = performance.now()
      try {
        await queue.enqueue('ingest', [{ batchId, tenantId: '', receivedAt: '', events: [] }])
        if (waitMs !== null && !(await isReplicated(waiter, batchId, waitMs)))
          throw new Error('lags')
        acknowledged.push(batchId)
        if (!isCut) times.push(performance.now() - from)
      } catch {
        refused++
      }
      await pause(jobEveryMs)
    }
    await queue.stop()
    await primary.kill()
    await promoted.replicaof('NO', 'ONE')
    const held = await batchesIn(promoted)
    const lost = acknowledged.filter((batchId) => !held.has(batchId)).length
    const sorted = times.toSorted((a, b) => a - b)
    const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? 0
    return {
      durability: name,
      acknowledged: acknowledged.length,
      refused,
      lost,
      p50: at(0.5),
      p99: at(0.99),
    }
  } finally {
    for (const client of [waiter, promoted]) client.disconnect()
    await link.close()
    await replica.stop()
    await primary.stop()
  }
}

/**
 * WAIT speaks of the writes of its own connection, which is not that of the queue: it writes a mark behind the job, and
 * a replica that has the mark has the job.
 */
async function isReplicated(waiter: Redis, mark: string, ms: number): Promise<boolean> {
  await waiter.set('chaos:mark', mark)
  return (await waiter.wait(1, ms)) >= 1
}

async function untilLinked(primary: Redis): Promise<void> {
  for (let i = 0; i < 200; i++) {
    const info = await primary.info('replication')
    if (/state=online/.test(info)) {
      await primary.set('chaos:mark', 'linked').catch(() => {})
      if ((await primary.wait(1, 1000)) >= 1) return
    }
    await pause(100)
  }
  throw new Error('the replica does not follow')
}

async function batchesIn(redis: Redis): Promise<Set<string>> {
  const held = new Set<string>()
  for (const key of await redis.keys('runmill:{ingest-0}:*')) {
    if ((await redis.type(key)) !== 'hash') continue
    const data = (await redis.hget(key, 'data')) ?? ''
    for (const [id] of data.matchAll(/batch-\d+/g)) held.add(id)
  }
  return held
}

export function failoverTable(rows: readonly FailoverRow[]): string {
  const lines = [
    '| Asked of Redis | Acknowledged | Refused | Acknowledged and lost | Enqueue, p50 / p99 |',
    '| --- | --- | --- | --- | --- |',
  ]
  for (const { durability, acknowledged, refused, lost, p50, p99 } of rows) {
    const times = `${p50.toFixed(1)} / ${p99.toFixed(1)} ms`
    lines.push(`| ${durability} | ${acknowledged} | ${refused} | ${lost} | ${times} |`)
  }
  return lines.join('\n')
}
