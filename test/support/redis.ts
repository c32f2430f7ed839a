import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findFreePort } from './free-port.ts'

export interface RedisServer {
  readonly port: number
  readonly url: string
  /** Starts the server again after `kill`, on the same port and with the same data folder. */
  start(): Promise<void>
  /** kill -9. */
  kill(): Promise<void>
  /** Ends the server and removes its data. */
  stop(): Promise<void>
}

/**
 * Whether tests run against Redis: when redis-server is installed, and in any case with RUNMILL_TEST_REDIS=1, so that
 * CI cannot go green without it. RUNMILL_TEST_REDIS=0 leaves them out.
 */
export function testsRunOnRedis(): boolean {
  if (process.env.RUNMILL_TEST_REDIS === '1') return true
  if (process.env.RUNMILL_TEST_REDIS === '0') return false
  const installed = spawnSync('redis-server', ['--version']).status === 0
  if (!installed) console.warn('redis-server is not installed: these tests ran without Redis.')
  return installed
}

/**
 * Starts a redis-server on a free port, with an append-only file.
 * @param settings more settings of redis.conf, as arguments
 */
export async function startRedis(settings: string[] = []): Promise<RedisServer> {
  const dir = await mkdtemp(join(tmpdir(), 'runmill-redis-'))
  const port = await findFreePort()
  let server: ChildProcess | undefined

  async function start(): Promise<void> {
    const where = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir]
    server = await spawnRedis(where.concat('--appendonly', 'yes', '--save', '', settings))
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (!server || server.exitCode !== null || server.signalCode !== null) return
    const exited = once(server, 'exit')
    server.kill(signal)
    await exited
  }

  await start()
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    start,
    kill: () => end('SIGKILL'),
    async stop() {
      await end('SIGKILL')
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** Resolves once the server takes connections. */
export async function spawnRedis(args: string[]): Promise<ChildProcess> {
  const server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  await new Promise<void>((resolve, reject) => {
    server.on('error', reject)
    server.on('exit', () => reject(new Error(`redis-server ended:\n${output}`)))
    server.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      if (/Ready to accept connections|Sentinel ID is/.test(output)) resolve()
    })
  })
  return server
}
