// npm run chaos -- --failover: what is lost of what was acknowledged when a master of Redis is killed under load.
import { setTimeout as pause } from 'node:timers/promises'
import type { QueueBackend } from '../src/queue/backend.ts'
import { redisBackend } from '../src/queue/backends/redis.ts'
import { type RedisGroup, startCluster, startSentinel } from './redis-groups.ts'

/** What is asked of Redis before a job counts as acknowledged. */
interface Durability {
  name: string
  /** Of redis.conf. */
  settings: string[]
  /** RUNMILL_REDIS_WAIT. */
  replicas: number
}

export interface FailoverRow {
  group: string
  durability: string
  /** For how long the replica lagged when its master was killed, in seconds. */
  lag: number
  acknowledged: number
  refused: number
  /** Acknowledged, and not there afterwards. */
  lost: number
  /** From the first refusal to the last one, in seconds. */
  refusing: number
  /** Milliseconds of an enqueue while the replica followed. */
  p50: number
  p99: number
}

const durabilities: Durability[] = [
  { name: 'nothing', settings: [], replicas: 0 },
  {
    name: '`min-replicas-to-write 1`',
    settings: ['--min-replicas-to-write', '1', '--min-replicas-max-lag', '1'],
    replicas: 0,
  },
  { name: '`RUNMILL_REDIS_WAIT=1`', settings: [], replicas: 1 },
]
const groups = { Sentinel: startSentinel, 'Cluster 3 + 3': startCluster }
const lags = [0, 2.5]
const followedMs = 3_000
/** After the kill, the server is started again: until then there is no replica of the one that took over. */
const restartMs = 5_000
/** After jobs are taken again. */
const afterMs = 2_000
const failoverLimitMs = 60_000
const clients = 8
const jobEveryMs = 10

/** Enqueues through the product's own queue while the replica follows, then while it lags, and kills the master. */
export async function measureFailover(): Promise<FailoverRow[]> {
  const rows: FailoverRow[] = []
  for (const [group, start] of Object.entries(groups)) {
    for (const lag of lags) {
      for (const { name, settings, replicas } of durabilities) {
        const redis = await start(settings)
        try {
          rows.push({ group, durability: name, lag, ...(await failOver(redis, lag, replicas)) })
          console.log(failoverTable(rows.slice(-1)).split('\n').at(-1))
        } finally {
          await redis.stop()
        }
      }
    }
  }
  return rows
}

async function failOver(
  redis: RedisGroup,
  lag: number,
  replicas: number,
): Promise<Omit<FailoverRow, 'group' | 'durability' | 'lag'>> {
  const queue = redisBackend({ url: redis.url, replicas })
  const acknowledged: string[] = []
  const times: number[] = []
  const refusedAt: number[] = []
  let takenAt = 0
  let isOver = false
  let follows = true
  try {
    await queue.start()
    const send = async (client: number): Promise<void> => {
      for (let i = 0; !isOver; i++) {
        const batchId = `${client} ${i}`
        const from = performance.now()
        const job = { batchId, tenantId: `tenant ${client}`, receivedAt: '', events: [] }
        await queue.enqueue('ingest', [job]).then(
          () => {
            acknowledged.push(batchId)
            takenAt = Date.now()
            if (follows) times.push(performance.now() - from)
          },
          () => refusedAt.push(Date.now()),
        )
        await pause(jobEveryMs)
      }
    }
    const load = Promise.all(Array.from({ length: clients }, async (_, i) => send(i)))
    await pause(followedMs)
    follows = false
    if (lag > 0) redis.lagBehind()
    await pause(lag * 1_000)
    await redis.killMaster()
    const killedAt = Date.now()
    await pause(restartMs)
    await redis.restartMaster()
    while (takenAt < killedAt + restartMs && Date.now() < killedAt + failoverLimitMs)
      await pause(100)
    await pause(afterMs)
    isOver = true
    await load
    const held = await jobsIn(queue)
    const sorted = times.toSorted((a, b) => a - b)
    const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? 0
    return {
      acknowledged: acknowledged.length,
      refused: refusedAt.length,
      lost: acknowledged.filter((batchId) => !held.has(batchId)).length,
      refusing: refusedAt.length === 0 ? 0 : (refusedAt.at(-1)! - refusedAt[0]!) / 1_000,
      p50: at(0.5),
      p99: at(0.99),
    }
  } finally {
    await queue.stop()
  }
}

/** Has all jobs done that are there. */
async function jobsIn(queue: QueueBackend): Promise<Set<string>> {
  const held = new Set<string>()
  await queue.work({ ingest: async ({ batchId }) => void held.add(batchId) })
  for (const limit = Date.now() + failoverLimitMs; Date.now() < limit; await pause(200)) {
    const { waiting, active, delayed } = (await queue.counts()).ingest
    if (waiting + active + delayed === 0) return held
  }
  throw new Error('the jobs that are left are not done')
}

export function failoverTable(rows: readonly FailoverRow[]): string {
  const lines = [
    '| Redis | Asked of it | The replica | Acknowledged | Lost | Refused | Refusing for | Enqueue, p50 / p99 |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
  ]
  for (const row of rows) {
    const replica = row.lag === 0 ? 'followed' : `lagged ${row.lag} s`
    const times = `${row.p50.toFixed(1)} / ${row.p99.toFixed(1)} ms`
    lines.push(
      `| ${row.group} | ${row.durability} | ${replica} | ${row.acknowledged} | ${row.lost} | ${row.refused} | ${row.refusing.toFixed(1)} s | ${times} |`,
    )
  }
  return lines.join('\n')
}
