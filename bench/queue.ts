import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Redis } from 'ioredis'
import type { IngestEvent } from '../src/domain/events.ts'
import { type QueueBackend, QueueUnavailableError } from '../src/queue/backend.ts'
import { redisBackend } from '../src/queue/backends/redis.ts'
import type { IngestJob } from '../src/queue/catalog.ts'
import { startRedis } from '../test/support/redis.ts'
import { cpuMicros, redisPid } from './process-cpu.ts'
import { tableText } from './suite/table.ts'

/*
 * Measures what a job costs on its way through Redis that has a replica, without HTTP and Postgres: with
 * RUNMILL_REDIS_WAIT and without, and with several shards. The jobs are of as many tenants as are sent for at once.
 *
 *   npm run bench -- queue [--jobs 20000] [--at-once 1,16,64] [--shards 1,2,4,8] [--smoke]
 */

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '20000' },
    'at-once': { type: 'string', default: '1,16,64' },
    shards: { type: 'string', default: '1,2,4,8' },
    smoke: { type: 'boolean', default: false },
  },
})
const jobs = values.smoke ? 500 : Number(values.jobs)
const numbers = (text: string): number[] => text.split(',').map(Number)
const warmUpJobs = Math.min(jobs, 2_000)

interface Setting {
  replicas: number
  shards: number
  atOnce: number
}

const settings: Setting[] = [
  ...numbers(values['at-once']).flatMap((atOnce) =>
    [0, 1].map((replicas) => ({ replicas, shards: 1, atOnce })),
  ),
  ...numbers(values.shards)
    .filter((shards) => shards > 1)
    .map((shards) => ({ replicas: 0, shards, atOnce: 16 })),
]

const rows: string[][] = []
for (const setting of settings) rows.push(await measure(setting))
const head = ['at once', 'WAIT', 'shards', 'enqueued', 'p50 / p99', 'CPU: enqueue', 'work', 'Redis']
console.log(tableText({ head, rows }))

async function measure({ replicas, shards, atOnce }: Setting): Promise<string[]> {
  const primary = await startRedis(['--repl-diskless-sync-delay', '0'])
  const replica = await startRedis(['--replicaof', `127.0.0.1 ${primary.port}`])
  const queue = redisBackend({ url: primary.url, replicas, shards })
  try {
    await untilFollowed(primary.url)
    await queue.start()
    await enqueueAll(queue, warmUpJobs, atOnce)
    const pid = await redisPid(primary.url)
    const redisBefore = (await cpuMicros(pid)) ?? 0
    const [began, cpuBefore] = [performance.now(), process.cpuUsage()]
    const times = await enqueueAll(queue, jobs, atOnce)
    const seconds = (performance.now() - began) / 1_000
    const enqueueCpu = process.cpuUsage(cpuBefore)
    const workBefore = process.cpuUsage()
    await workAll(queue, warmUpJobs + jobs)
    const workCpu = process.cpuUsage(workBefore)
    const redisCpu = ((await cpuMicros(pid)) ?? 0) - redisBefore
    const sorted = times.toSorted((a, b) => a - b)
    const at = (share: number): string => sorted[Math.ceil(share * sorted.length) - 1]!.toFixed(2)
    const micros = ({ user, system }: NodeJS.CpuUsage, of: number): string =>
      `${((user + system) / of).toFixed(0)} µs`
    return [
      String(atOnce),
      String(replicas),
      String(shards),
      `${Math.round(jobs / seconds)} /s`,
      `${at(0.5)} / ${at(0.99)} ms`,
      micros(enqueueCpu, jobs),
      micros(workCpu, warmUpJobs + jobs),
      `${(redisCpu / jobs).toFixed(0)} µs`,
    ]
  } finally {
    await queue.stop()
    await replica.stop()
    await primary.stop()
  }
}

async function untilFollowed(url: string): Promise<void> {
  const redis = new Redis(url)
  do await redis.set('bench', 'here')
  while ((await redis.wait(1, 100)) < 1)
  redis.disconnect()
}

/** @returns the milliseconds of each */
async function enqueueAll(queue: QueueBackend, count: number, atOnce: number): Promise<number[]> {
  const times: number[] = []
  let left = count
  const send = async (tenantId: string): Promise<void> => {
    while (left-- > 0) {
      const [from, job] = [performance.now(), makeJob(tenantId)]
      while (!(await isTaken(queue, job))) await pause(100)
      times.push(performance.now() - from)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, async (_, i) => send(`tenant ${i}`)))
  return times
}

/** A replica that rewrites its file after it has copied everything may be late once: clients repeat what is refused. */
async function isTaken(queue: QueueBackend, job: IngestJob): Promise<boolean> {
  try {
    await queue.enqueue('ingest', [job])
    return true
  } catch (error) {
    if (error instanceof QueueUnavailableError) return false
    throw error
  }
}

function makeJob(tenantId: string): IngestJob {
  const patch = { name: 'answer', inputs: 'x'.repeat(1_000), outputs: 'y'.repeat(1_000) }
  const event = { kind: 'run', id: randomUUID(), version: '1', patch } as unknown as IngestEvent
  return { batchId: randomUUID(), tenantId, receivedAt: new Date().toISOString(), events: [event] }
}

async function workAll(queue: QueueBackend, count: number): Promise<void> {
  let left = count
  await new Promise<void>((resolve, reject) => {
    const ingest = async (): Promise<void> => {
      left -= 1
      if (left === 0) resolve()
    }
    queue.work({ ingest }).catch(reject)
  })
}
