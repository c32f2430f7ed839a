import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { HealthState, Readiness } from './health.ts'

/** What the thread is started with. */
export interface ThreadSettings {
  host: string
  /** 0 takes a free port. */
  listenPort: number
  /** Without a report for this long, the event loop is busy and the process is not ready. Default: 10 s. */
  silentMs?: number
  /** Without a report for this long, the process is not expected to recover, and is not alive. Default: 60 s. */
  deadMs?: number
}

/** What the main thread reports. */
export interface HealthReport {
  readiness: Readiness
  /** null before they were collected for the first time. */
  metrics: { contentType: string; text: string } | null
}

/** What the thread sends. */
export type ThreadAnswer = { listening: number } | { failed: string } | { wants: 'metrics' }

export interface HealthApart {
  /** The address at which health is served. */
  url: string
  /** Begins to report the given state. Until then the thread answers that the process is starting. */
  report(state: HealthState): void
  /** Reports that the process is stopping, and so is no longer ready. */
  stopping(): void
  stop(): Promise<void>
}

/** Each of these messages shows the thread that the event loop turns. */
const beatMs = 500
/** Readiness is checked this often. Each check asks Postgres and the queue. */
const readinessMs = 2000
/** If checks take longer than this, that is reported instead of their outcome. */
const slowChecksMs = 15_000

/**
 * Serves `/livez`, `/readyz` and `/metrics` from a thread with a listener of its own, so that they are answered at once
 * even when the main thread is busy. What they report is at most a few seconds old.
 * @throws HealthPortError when the address cannot be listened on
 */
export async function serveHealthApart(settings: ThreadSettings): Promise<HealthApart> {
  const thread = startThread(settings)
  const [answer] = (await once(thread, 'message')) as [ThreadAnswer]
  if ('failed' in answer) {
    await thread.terminate()
    throw new HealthPortError(answer.failed)
  }
  const port = 'listening' in answer ? answer.listening : settings.listenPort
  // This thread does not keep the process alive.
  thread.unref()
  const timers: NodeJS.Timeout[] = []
  let isStopping = false

  function send(report: Partial<HealthReport>): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window
    thread.postMessage(report)
  }

  function every(ms: number, act: () => void): void {
    timers.push(setInterval(act, ms).unref())
  }

  every(beatMs, () => send({}))
  return {
    url: `http://${settings.host.includes(':') ? `[${settings.host}]` : settings.host}:${port}`,
    report(state) {
      let checkedSince: number | null = null

      async function check(): Promise<void> {
        if (checkedSince !== null) {
          const seconds = Math.round((performance.now() - checkedSince) / 1000)
          const problems = [`the checks have not answered for ${seconds} s`]
          if (seconds * 1000 >= slowChecksMs) sendReadiness({ ready: false, problems })
          return
        }
        checkedSince = performance.now()
        try {
          sendReadiness(await state.readiness())
        } catch (error) {
          sendReadiness({ ready: false, problems: [String(error)] })
        } finally {
          checkedSince = null
        }
      }

      let collecting: Promise<void> | null = null

      async function collect(): Promise<void> {
        try {
          send({ metrics: await state.metrics() })
        } catch {
          // The previous metrics are kept. Readiness reports why this failed.
        } finally {
          collecting = null
        }
      }

      thread.on('message', (wish: ThreadAnswer) => {
        if ('wants' in wish) collecting ??= collect()
      })
      void check()
      collecting = collect()
      every(readinessMs, () => void check())
    },
    stopping() {
      sendReadiness({ ready: false, problems: ['stopping'] })
      isStopping = true
    },
    async stop() {
      for (const timer of timers.splice(0)) clearInterval(timer)
      await thread.terminate()
    },
  }

  function sendReadiness(readiness: Readiness): void {
    if (!isStopping) send({ readiness })
  }
}

function startThread(workerData: ThreadSettings): Worker {
  const options = { workerData, resourceLimits: { maxOldGenerationSizeMb: 64 } }
  if (!import.meta.url.endsWith('.ts')) {
    return new Worker(new URL('./thread.js', import.meta.url), options)
  }
  // During development tsx runs the sources, and its hooks do not apply to threads.
  const file = JSON.stringify(new URL('./thread.ts', import.meta.url).href)
  const script = `import('tsx/esm/api').then(({ register }) => { register(); return import(${file}) })`
  return new Worker(script, { ...options, eval: true })
}

/** Health cannot be served at the given address. */
export class HealthPortError extends Error {
  override name = 'HealthPortError'
  /** The system's, such as `EADDRINUSE`. */
  readonly code: string
  constructor(code: string) {
    super(`health cannot be served: ${code}`)
    this.code = code
  }
}
