import { readdir, readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import type { Db } from '../src/store/pool.ts'

/** Clock ticks a second in /proc, which Linux fixes for programs at 100. */
const microsPerTick = 10_000

interface ProcessStat {
  parent: number
  group: number
  name: string
  /** Microseconds, user and system, of all its threads. */
  own: number
  /** Those of its children that have ended. */
  ended: number
}

/**
 * Returns the CPU time in microseconds that a process, all its threads and all its children have used. null where there
 * is no /proc, or no such process.
 */
export async function cpuMicros(pid: number | null): Promise<number | null> {
  const root = pid === null ? null : await readStat(pid)
  if (root === null) return null
  const children = (await readStats()).filter((stat) => stat?.parent === pid)
  return children.reduce((sum, stat) => sum + stat!.own, root.own + root.ended)
}

/** The same, of a whole group of processes. */
export async function groupCpuMicros(group: number): Promise<number | null> {
  const stats = await readStats()
  const members = stats.filter((stat) => stat?.group === group)
  if (members.length === 0) return null
  return members.reduce((sum, stat) => sum + stat!.own + stat!.ended, 0)
}

async function readStats(): Promise<(ProcessStat | null)[]> {
  const names = await readdir('/proc').catch(() => [])
  return Promise.all(
    names.filter((name) => /^\d+$/.test(name)).map(async (pid) => readStat(Number(pid))),
  )
}

async function readStat(pid: number): Promise<ProcessStat | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null)
  if (text === null) return null
  // The name may hold spaces and brackets.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const micros = (...at: number[]) =>
    at.reduce((sum, i) => sum + Number(fields[i]) * microsPerTick, 0)
  return {
    parent: Number(fields[1]),
    group: Number(fields[2]),
    name: text.slice(text.indexOf('(') + 1, text.lastIndexOf(')')),
    own: micros(11, 12),
    ended: micros(13, 14),
  }
}

/** The first process of a Postgres on this machine, whose children do the work; null for one on another machine. */
export async function postgresPid(db: Db): Promise<number | null> {
  const [row] = await db<{ pid: number }[]>`select pg_backend_pid() as pid`
  const backend = await readStat(row!.pid)
  return backend?.name === 'postgres' ? backend.parent : null
}

/** The process of a Redis on this machine; null for one on another machine. */
export async function redisPid(url: string): Promise<number | null> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port || 6379) })
  socket.write('INFO server\r\n')
  let text = ''
  for await (const chunk of socket) {
    text += String(chunk)
    const pid = Number(/^process_id:(\d+)/m.exec(text)?.[1] ?? 0)
    if (pid === 0) continue
    return (await readStat(pid))?.name === 'redis-server' ? pid : null
  }
  return null
}
