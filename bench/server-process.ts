import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FreshStore } from './fresh-store.ts'

export interface ServerOptions {
  /**
   * The full mode: queues in Redis, and the workers in a process of their own. Without it, everything runs in one
   * process.
   */
  redisUrl?: string | undefined
  /** How many processes of workers there are in the full mode. Default: one. */
  workers?: number
  /** More settings of the server. */
  settings?: Record<string, string>
  /** A folder of another version with its `dist`, instead of the sources here. */
  against?: string | undefined
  /** Options of Node itself. */
  nodeOptions?: readonly string[]
}

export interface RunningServer {
  url: string
  /** Where health is served apart. */
  healthUrl: string
  /** The most memory, in bytes, that one of its processes has held so far. null where there is no /proc. */
  peakMemory(): Promise<number | null>
  /** Its processes, by name: the API first, then `worker`, `worker 2` … */
  pids: ReadonlyMap<string, number>
}

/** Runs the server over a store, in processes of its own that end when `use` is done. */
export async function withServer(
  { databaseUrl, folder }: FreshStore,
  { redisUrl, workers = 1, settings: more = {}, against, nodeOptions = [] }: ServerOptions,
  use: (server: RunningServer) => Promise<void>,
): Promise<void> {
  const settings = { DATABASE_URL: databaseUrl, RUNMILL_DATA_DIR: join(folder, 'data'), ...more }
  const roles =
    redisUrl === undefined
      ? [settings]
      : ['api', ...Array.from({ length: workers }, () => 'worker')].map((role) => ({
          ...settings,
          REDIS_URL: redisUrl,
          ROLE: role,
        }))
  const processes = roles.map((each) => startProcess(each, against, nodeOptions))
  try {
    const [{ url, healthUrl } = { url: '', healthUrl: '' }] = await Promise.all(
      processes.map(readUrls),
    )
    const peakMemory = async (): Promise<number | null> => {
      const peaks = await Promise.all(processes.map(async ({ pid }) => readPeak(pid!)))
      return peaks.reduce((a, b) => (a === null || b === null ? null : Math.max(a, b)))
    }
    const nameOf = (i: number): string => {
      if (redisUrl === undefined) return 'server'
      return i === 0 ? 'API' : i === 1 ? 'worker' : `worker ${i}`
    }
    const pids = new Map(processes.map(({ pid }, i) => [nameOf(i), pid!]))
    await use({ url, healthUrl, peakMemory, pids })
  } finally {
    await Promise.all(processes.map(stopProcess))
  }
}

function startProcess(
  settings: Record<string, string>,
  against: string | undefined,
  nodeOptions: readonly string[],
): ChildProcess {
  const script =
    against === undefined
      ? ['--import', 'tsx', 'src/main.ts']
      : [join(against, 'dist', 'src', 'main.js')]
  // As `npm start` and the image start it.
  const options = ['--max-semi-space-size=32', ...nodeOptions]
  return spawn(process.execPath, [...options, ...script], {
    env: { ...process.env, PORT: '0', LOG_LEVEL: 'warn', ...settings },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

async function readUrls(child: ChildProcess): Promise<{ url: string; healthUrl: string }> {
  return new Promise((resolve, reject) => {
    let output = ''
    child.stdout!.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      const [, url] = /^Runmill(?: worker)? is ready at (\S+)$/m.exec(output) ?? []
      const [, healthUrl] = /^Health for probes is at (\S+)$/m.exec(output) ?? []
      // Versions that do not serve health apart do not tell where.
      if (url !== undefined) resolve({ url, healthUrl: healthUrl ?? url })
    })
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)))
  })
}

async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await exited
}

async function readPeak(pid: number): Promise<number | null> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  const kilobytes = /^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1]
  return kilobytes === undefined ? null : Number(kilobytes) * 1024
}
