import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import type { FaultProxy } from './proxy.ts'
import { runCommand } from './command.ts'
import type { PlannedFault } from './plan.ts'
import type { ServerProcess } from './server-process.ts'
import type { System } from './system.ts'

export interface FaultOptions {
  /** A folder of another version with its `dist`; null when none was given. */
  previous: string | null
}

/** Does harm, and undoes it. Resolves when the harm is over, to what was done, in words. */
type Fault = (system: System, planned: PlannedFault) => Promise<string>

export interface FaultKinds {
  kinds: ReadonlyMap<string, Fault>
  /** Kind to the reason why it is not done here. */
  skipped: ReadonlyMap<string, string>
}

const root = fileURLToPath(new URL('..', import.meta.url))
const awayMs = 20_000

/** @returns the kinds of fault that this system can have */
export function faultKinds(system: System, { previous }: FaultOptions): FaultKinds {
  const kinds = new Map<string, Fault>()
  const skipped = new Map<string, string>()
  const { postgres, redis, mode } = system

  if (mode === 'embedded') {
    kinds.set('kill-server', kill(system.apis))
    kinds.set('kill-server-and-postgres', killServerAndPostgres)
    kinds.set('freeze-server', freeze(system.apis))
    kinds.set('term-server', terminate(system.apis))
    kinds.set('clock-jump', clockJump(system.apis))
    skipped.set('postgres-*', 'the embedded Postgres ends its server with it, by design')
  } else {
    kinds.set('kill-api', kill(system.apis))
    kinds.set('kill-worker', kill(system.workers))
    kinds.set('kill-both-workers', killAll(system.workers))
    kinds.set('freeze-api', freeze(system.apis))
    kinds.set('freeze-worker', freeze(system.workers))
    kinds.set('term-api', terminate(system.apis))
    kinds.set('term-worker', terminate(system.workers))
    kinds.set('clock-jump', clockJump([...system.apis, ...system.workers]))
    kinds.set('migrate-twice', migrateTwice)
  }
  if (postgres !== null) {
    kinds.set('postgres-crash', async () => {
      await postgres.crash()
      await postgres.start()
      return 'pg_ctl stop -m immediate, and start'
    })
    kinds.set('postgres-away', async () => {
      await postgres.crash()
      await pause(awayMs)
      await postgres.start()
      return `${awayMs / 1000} s`
    })
    kinds.set('postgres-slow', postgresSlow)
    addConnectionFaults(kinds, 'postgres', system.proxies.postgres)
    if (postgres.noDiskReason === null) kinds.set('disk-full', diskFull)
    else skipped.set('disk-full', postgres.noDiskReason)
  }
  if (redis !== null) {
    kinds.set('redis-kill', async () => {
      await redis.kill()
      await pause(500)
      await redis.start()
      return 'kill -9, and start'
    })
    kinds.set('redis-away', async () => {
      await redis.kill()
      await pause(awayMs)
      await redis.start()
      return `${awayMs / 1000} s`
    })
    kinds.set('redis-full', redisFull)
    addConnectionFaults(kinds, 'redis', system.proxies.redis)
  }
  if (previous !== null && mode !== 'embedded') {
    kinds.set('previous-worker', previousWorker(previous))
  } else {
    skipped.set(
      'previous-worker',
      mode === 'embedded' ? 'one process alone' : 'no --previous FOLDER',
    )
  }
  return { kinds, skipped }
}

function kill(processes: readonly ServerProcess[]): Fault {
  return async (_, planned) => {
    const victim = pickOf(processes, planned)
    await victim.kill()
    await pause(planned.amount * 2000)
    await victim.start()
    return `kill -9 of ${victim.name}`
  }
}

function killAll(processes: readonly ServerProcess[]): Fault {
  return async (_, { amount }) => {
    await Promise.all(processes.map(async (each) => each.kill()))
    await pause(amount * 2000)
    await Promise.all(processes.map(async (each) => each.start()))
    return `kill -9 of ${processes.map(({ name }) => name).join(' and ')}`
  }
}

/** Longer than the 15 seconds for which a worker holds its jobs without renewing its lock on them. */
function freeze(processes: readonly ServerProcess[]): Fault {
  return async (_, planned) => {
    const victim = pickOf(processes, planned)
    const ms = 16_000 + Math.round(planned.amount * 6000)
    victim.freeze()
    await pause(ms)
    victim.thaw()
    return `SIGSTOP of ${victim.name} for ${(ms / 1000).toFixed(1)} s`
  }
}

function terminate(processes: readonly ServerProcess[]): Fault {
  return async (_, planned) => {
    const victim = pickOf(processes, planned)
    await victim.terminate()
    await victim.start()
    return `SIGTERM of ${victim.name}, and start`
  }
}

/** The wall clock of one process jumps by up to half a minute either way, and back after eight seconds. */
function clockJump(processes: readonly ServerProcess[]): Fault {
  return async (_, planned) => {
    const victim = pickOf(processes, planned)
    const ms = Math.round((planned.amount * 2 - 1) * 30_000)
    await victim.terminate()
    await victim.start({
      nodeArguments: ['--import', join(root, 'chaos', 'clock-jump.mjs')],
      environment: { CHAOS_CLOCK_JUMP_MS: String(ms) },
    })
    await pause(11_000)
    await victim.terminate()
    await victim.start()
    return `${(ms / 1000).toFixed(1)} s in ${victim.name}`
  }
}

/** As when the power goes: the server and its Postgres end at once, and nothing is written any more. */
const killServerAndPostgres: Fault = async (system) => {
  const [server] = system.apis
  const postmaster = await system.embeddedPostmaster()
  await server!.kill()
  if (postmaster !== null) process.kill(postmaster, 'SIGQUIT')
  await server!.start()
  return 'kill -9 of the server, SIGQUIT of its Postgres'
}

/** Two migrations of one empty database at the same time, beside the running system. */
const migrateTwice: Fault = async (system, { amount }) => {
  const db = await system.db()
  const name = `migrated_${Math.floor(amount * 1e9)}`
  await db.unsafe(`create database ${name}`)
  const env = { ...process.env, DATABASE_URL: system.postgres!.url.replace(/postgres$/, name) }
  const args = ['--import', 'tsx', join(root, 'src', 'db-migrate.ts')]
  const outcomes = await Promise.all(
    [1, 2].map(async () => runCommand(process.execPath, args, { cwd: root, env })),
  )
  await db.unsafe(`drop database ${name} with (force)`)
  const failed = outcomes.find(({ code }) => code !== 0)
  if (failed !== undefined) throw new Error(`A migration beside another failed: ${failed.output}`)
  return 'of one empty database'
}

/**
 * What a slow disk looks like from outside: all of Postgres stands still for 400 of every 600 milliseconds. It is not
 * the disk itself that is slow.
 */
const postgresSlow: Fault = async (system) => {
  const until = Date.now() + 8000
  while (Date.now() < until) {
    const pids = await system.postgres!.pids()
    for (const pid of pids) signal(pid, 'SIGSTOP')
    await pause(400)
    for (const pid of pids) signal(pid, 'SIGCONT')
    await pause(200)
  }
  return 'Postgres stopped for 400 of every 600 ms, for 8 s'
}

const diskFull: Fault = async (system) => {
  const { postgres } = system
  await postgres!.fillDisk()
  await pause(10_000)
  await postgres!.freeDisk()
  // A server that found no room for its log has ended.
  await postgres!.start()
  return 'no free block for 10 s'
}

const redisFull: Fault = async (system) => {
  const redis = system.redis!
  const info = String(await redis.command('INFO', 'memory'))
  const used = Number(/used_memory:(\d+)/.exec(info)?.[1] ?? 1_000_000)
  await redis.command('CONFIG', 'SET', 'maxmemory', String(Math.round(used * 0.9)))
  await pause(8000)
  await redis.command('CONFIG', 'SET', 'maxmemory', '0')
  return `maxmemory below what it uses (${Math.round(used / 1024)} kB) for 8 s`
}

function previousWorker(folder: string): Fault {
  return async (system, planned) => {
    const victim = pickOf(system.workers, planned)
    await victim.terminate()
    await victim.start({ script: join(folder, 'dist', 'src', 'main.js') })
    await pause(12_000)
    await victim.terminate()
    await victim.start()
    return `${victim.name} is of ${folder} for 12 s`
  }
}

function addConnectionFaults(
  kinds: Map<string, Fault>,
  server: 'postgres' | 'redis',
  proxies: readonly FaultProxy[],
): void {
  kinds.set(`${server}-cut`, async (_, planned) => {
    const victims = someOf(proxies, planned)
    const times = 1 + Math.floor(planned.amount * 5)
    for (let i = 0; i < times; i++) {
      for (const proxy of victims) proxy.cut()
      await pause(300)
    }
    return `${times} times, of ${victims.length} processes`
  })
  kinds.set(`${server}-half-close`, async (_, planned) => {
    const victims = someOf(proxies, planned)
    const side = planned.amount < 0.5 ? 'client' : 'server'
    for (const proxy of victims) proxy.halfClose(side)
    await pause(3000)
    for (const proxy of victims) proxy.cut()
    return `towards the ${side}, of ${victims.length} processes, for 3 s`
  })
  kinds.set(`${server}-delay`, async (_, planned) => {
    const victims = someOf(proxies, planned)
    // An interactive write makes some six round trips: at 200 ms each way, ten connections carry no more than four a second.
    const ms = 10 + Math.round(planned.amount * 50)
    for (const proxy of victims) proxy.delay(ms)
    await pause(8000)
    for (const proxy of victims) proxy.delay(0)
    return `${ms} ms each way, of ${victims.length} processes, for 8 s`
  })
  kinds.set(`${server}-hold`, async (_, planned) => {
    const victims = someOf(proxies, planned)
    const ms = 4000 + Math.round(planned.amount * 12_000)
    for (const proxy of victims) proxy.hold()
    await pause(ms)
    for (const proxy of victims) proxy.release()
    return `nothing passes, of ${victims.length} processes, for ${(ms / 1000).toFixed(1)} s`
  })
}

function pickOf<T>(list: readonly T[], { target }: PlannedFault): T {
  return list[Math.floor(target * list.length)]!
}

/** Half of the time all of them, else one. */
function someOf<T>(list: readonly T[], { target }: PlannedFault): readonly T[] {
  return target < 0.5 ? list : [list[Math.floor((target - 0.5) * 2 * list.length)]!]
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It has ended meanwhile.
  }
}
