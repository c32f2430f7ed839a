import { spawn, type ChildProcess } from 'node:child_process'
import { createWriteStream, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'

/** One process of Runmill, which is started again whenever it ends by itself, as a supervisor would do. */
export interface ServerProcess {
  readonly name: string
  readonly url: string
  /** Resolves once it is ready. It tries again, for a minute, where a start is refused. */
  start(options?: StartOptions): Promise<void>
  /** kill -9. */
  kill(): Promise<void>
  /** SIGTERM. Resolves once the process has ended. */
  terminate(): Promise<void>
  freeze(): void
  thaw(): void
  /** True when the process was frozen at any time between two moments. */
  wasFrozen(from: number, until: number): boolean
  readonly pid: number | undefined
}

export interface StartOptions {
  nodeArguments?: string[]
  environment?: Record<string, string>
  /** Another version's `main.js`. */
  script?: string
}

export interface ServerProcessOptions {
  name: string
  script: string
  port: number
  environment: Record<string, string>
  logFile: string
  /** Called when the process ends without our signal, or ends badly after SIGTERM. */
  onEnd: (sentence: string) => void
}

const ready = /^Runmill (?:worker )?is ready at /m
const startLimitMs = 60_000
/** A process that takes longer than this to end after SIGTERM is killed, and that is told. */
const stopLimitMs = 30_000

/** Settings that this shell may have, and that must not reach the processes. */
const ownSettings =
  /^(?:RUNMILL_|DATABASE_URL$|DATABASE_READ_URL$|REDIS_URL$|PORT$|HOST$|ROLE$|LOG_LEVEL$|MAX_BODY_|INTERACTIVE_)/

export function createServerProcess(options: ServerProcessOptions): ServerProcess {
  const { name, port, logFile, onEnd } = options
  const freezes: { from: number; until: number }[] = []
  const inherited = Object.entries(process.env).filter(([key]) => !ownSettings.test(key))
  let child: ChildProcess | null = null
  let isWanted = false
  let lastStart: StartOptions = {}

  async function launch({ nodeArguments = [], environment, script }: StartOptions): Promise<void> {
    const log = createWriteStream(logFile, { flags: 'a' })
    const started = spawn(process.execPath, [...nodeArguments, script ?? options.script], {
      env: {
        ...Object.fromEntries(inherited),
        LOG_LEVEL: 'warn',
        PORT: String(port),
        ...options.environment,
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child = started
    started.stderr.pipe(log, { end: false })
    let output = ''
    await new Promise<void>((resolve, reject) => {
      let isReady = false
      started.stdout.on('data', (chunk: Buffer) => {
        log.write(chunk)
        if (isReady) return
        output += chunk.toString()
        isReady = ready.test(output)
        if (isReady) resolve()
      })
      started.once('exit', (code, signal) => {
        log.end(`--- ended with ${signal ?? code}\n`)
        if (child === started) child = null
        if (!isReady) reject(new Error(`${name} did not start: ${signal ?? code}`))
        else if (isWanted) void comeBack(signal ?? code)
      })
    })
  }

  async function comeBack(reason: string | number | null): Promise<void> {
    onEnd(`${name} ended by itself with ${reason}: ${lastLines(logFile)}`)
    await pause(500)
    if (isWanted && child === null) await start(lastStart).catch(() => {})
  }

  async function start(given: StartOptions = {}): Promise<void> {
    isWanted = true
    lastStart = given
    for (const deadline = Date.now() + startLimitMs; ; ) {
      try {
        await launch(given)
        return
      } catch (error) {
        if (!isWanted) return
        if (Date.now() > deadline) throw error
        await pause(500)
      }
    }
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    isWanted = false
    const ending = child
    if (ending === null || ending.exitCode !== null || ending.signalCode !== null) return
    const exited = new Promise<string | number | null>((resolve) => {
      ending.once('exit', (code, by) => resolve(by ?? code))
    })
    ending.kill(signal)
    const late = setTimeout(() => {
      onEnd(`${name} did not end within ${stopLimitMs / 1000} s of ${signal}`)
      ending.kill('SIGKILL')
    }, stopLimitMs)
    const reason = await exited
    clearTimeout(late)
    if (signal === 'SIGTERM' && reason !== 0 && reason !== 'SIGKILL') {
      onEnd(`${name} ended with ${reason} after SIGTERM: ${lastLines(logFile)}`)
    }
  }

  return {
    name,
    url: `http://127.0.0.1:${port}`,
    start,
    kill: async () => end('SIGKILL'),
    terminate: async () => end('SIGTERM'),
    freeze() {
      if (child?.kill('SIGSTOP') === true) {
        freezes.push({ from: Date.now(), until: Number.POSITIVE_INFINITY })
      }
    },
    thaw() {
      child?.kill('SIGCONT')
      const last = freezes.at(-1)
      if (last !== undefined && last.until === Number.POSITIVE_INFINITY) last.until = Date.now()
    },
    wasFrozen: (from, until) =>
      freezes.some((freeze) => freeze.from <= until && freeze.until >= from),
    get pid() {
      return child?.pid
    },
  }
}

function lastLines(file: string): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-4).join(' | ').slice(-800)
}
