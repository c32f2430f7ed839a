import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'

/** Of one process or one group of processes, over time. */
export interface MemorySeries {
  name: string
  /** `at` in milliseconds since 1970. */
  points: { at: number; mebibytes: number }[]
}

const everyMs = 500

export interface Watched {
  pids: ReadonlyMap<string, number>
  redisUrl: string | undefined
  /** Where the Postgres of withFreshStore is. */
  postgresFolder: string
}

/**
 * Looks twice a second at the memory of each process: what is resident (of all processes of Postgres together, with
 * shared pages counted once), and what Redis says that it uses. Where there is no /proc, nothing is found.
 */
export function watchMemory({ pids, redisUrl, postgresFolder }: Watched): {
  stop(): Promise<MemorySeries[]>
} {
  const redis = redisUrl === undefined ? null : new Redis(redisUrl)
  const series = new Map<string, MemorySeries>()
  let isOver = false

  async function look(): Promise<void> {
    const at = Date.now()
    const found: [string, number | null][] = await Promise.all(
      [...pids].map(
        async ([name, pid]) => [name, await residentOf(pid)] as [string, number | null],
      ),
    )
    found.push(['Postgres', await postgresOf(postgresFolder)])
    if (redis !== null) {
      const used = /^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]
      found.push(['Redis', Number(used ?? 0)])
    }
    for (const [name, bytes] of found) {
      if (bytes === null) continue
      const of = series.get(name) ?? { name, points: [] }
      series.set(name, of)
      of.points.push({ at, mebibytes: bytes / 1_048_576 })
    }
  }

  const looking = (async () => {
    while (!isOver) {
      await look()
      await pause(everyMs)
    }
  })()
  return {
    async stop() {
      isOver = true
      await looking
      redis?.disconnect()
      return [...series.values()]
    },
  }
}

async function residentOf(pid: number): Promise<number | null> {
  return kilobytesIn(`/proc/${pid}/status`, /^VmRSS:\s*(\d+) kB$/m)
}

async function postgresOf(folder: string): Promise<number | null> {
  const file = await readFile(join(folder, 'postgres', 'postmaster.pid'), 'utf8').catch(() => '')
  const postmaster = Number(file.split('\n')[0])
  if (!(postmaster > 0)) return null
  const path = `/proc/${postmaster}/task/${postmaster}/children`
  const children = (await readFile(path, 'utf8').catch(() => '')).split(' ').filter(Boolean)
  const sizes = await Promise.all(
    [postmaster, ...children].map(async (pid) =>
      kilobytesIn(`/proc/${pid}/smaps_rollup`, /^Pss:\s*(\d+) kB$/m),
    ),
  )
  return sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0) || null
}

async function kilobytesIn(path: string, pattern: RegExp): Promise<number | null> {
  const text = await readFile(path, 'utf8').catch(() => '')
  const kilobytes = pattern.exec(text)?.[1]
  return kilobytes === undefined ? null : Number(kilobytes) * 1024
}
