import { spawn } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { join } from 'node:path'

/** Exit codes of the server (src/main.ts): it was asked to stop, or the operator has to do something first. */
const stopped = 0
const operatorError = 1

/**
 * A request's texts live as long as the request. With the usual 16 MiB, those of a burst fill the young generation so often
 * that they are copied, and collecting garbage takes a fifth of the time (bench/ingest.ts). The Dockerfile has it too.
 */
const nodeOptions = ['--max-semi-space-size=32']

const firstDelayMs = 200
const lastDelayMs = 10_000
/** After this long a server is well again, and its next failure is a first one. */
const healthyMs = 60_000
/** A server that has never been ready is not tried more often: waiting would not help it. */
const startAttempts = 5

/**
 * A stop takes the server 20 s at most after it has drained, by its own clock. When that stands still, this one ends it.
 */
const stopTimeoutMs = 25_000 + Number(process.env.RUNMILL_DRAIN_SECONDS || 5) * 1000
/** From here on a second signal is another one, and not npm's copy of what the terminal has sent. As in src/main.ts. */
const sameSignalMs = 500
const forceTimeoutMs = 2_000

/**
 * Runs the server as a child process, and starts it again when it ends by itself. Signals are passed on, and the exit
 * code is the server's. When this process is killed the server notices, and stops.
 * @param dist the folder with the compiled server
 */
export async function supervise(dist) {
  /** When the first signal came. */
  let askedAt = null
  let server = null
  const asked = new AbortController()

  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, () => {
      const isSecond = askedAt !== null && Date.now() - askedAt > sameSignalMs
      askedAt ??= Date.now()
      server?.kill(signal)
      const ended = server
      setTimeout(() => ended?.kill('SIGKILL'), isSecond ? forceTimeoutMs : stopTimeoutMs).unref()
      asked.abort()
    })
  }

  /**
   * How often the server was started again, by how it had ended. The server shows it as a metric, in which Prometheus sees
   * the first end only where there was a 0 before: `SIGABRT` is a heap that is full, 70 a failure (src/main.ts).
   */
  const restarts = { 'exit code 1': 0, 'exit code 70': 0, SIGABRT: 0, SIGKILL: 0, SIGSEGV: 0 }
  let wasReady = false
  let delayMs = firstDelayMs
  for (let attempt = 1; ; attempt += 1) {
    const end = await run()
    if (end.code === stopped) process.exit(stopped)
    if (askedAt !== null) {
      await stopDatabase(dist, end)
      // Before the server listens to signals, they end it.
      process.exit(end.code ?? (end.signal === 'SIGKILL' ? 1 : 0))
    }
    wasReady ||= end.readyMs !== null
    // Settings that have worked before are not wrong: what was refused may pass.
    if (!wasReady && (end.code === operatorError || attempt === startAttempts)) {
      await stopDatabase(dist, end)
      process.exit(end.code ?? 1)
    }
    if (end.readyMs !== null && end.readyMs > healthyMs) delayMs = firstDelayMs
    const reason = end.signal === null ? `with exit code ${end.code}` : `by ${end.signal}`
    console.error(
      `runmill: The server ended by itself (${reason}) and is started again in ${delayMs / 1000} s.`,
    )
    await pause(delayMs, undefined, { signal: asked.signal }).catch(() => {})
    if (askedAt !== null) {
      await stopDatabase(dist, end)
      process.exit(stopped)
    }
    delayMs = Math.min(delayMs * 2, lastDelayMs)
    const kind = end.signal ?? `exit code ${end.code}`
    restarts[kind] = (restarts[kind] ?? 0) + 1
  }

  /** Resolves when the server has ended: how, and how long it was ready, null when it never was. */
  function run() {
    let readyAt = null
    server = spawn(process.execPath, [...nodeOptions, join(dist, 'src', 'main.js')], {
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    })
    const { pid } = server
    // It may end before it hears this.
    if (server.connected) server.send({ restarts }, () => {})
    server.on('message', (message) => {
      if (message === 'ready') readyAt = Date.now()
    })
    return new Promise((done) => {
      const ended = (code, signal) => {
        server = null
        done({ pid, code, signal, readyMs: readyAt === null ? null : Date.now() - readyAt })
      }
      server.once('error', (error) => {
        console.error(error.message)
        ended(operatorError, null)
      })
      server.once('exit', ended)
    })
  }
}

/** Stops the embedded Postgres of a server that was killed: the next start would, but there is none. */
async function stopDatabase(dist, { pid, signal }) {
  // Whoever ended with an exit code has seen to it.
  if (signal === null) return
  const load = (file) => import(pathToFileURL(join(dist, 'src', file)).href)
  const [{ readConfig }, { stopLeftBehind }] = await Promise.all([
    load('config.js'),
    load(join('embedded', 'postgres.js')),
  ])
  await stopLeftBehind(readConfig().dataDir, pid)
}
