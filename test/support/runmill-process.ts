import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inject } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The workers of a run share it. */
const compiled = inject('compiledFolder')

/** What tests run in processes of their own, or import there, beside the programs of the product. */
const further = [
  'src/http/health/apart.ts',
  'test/embedded/start-and-wait.ts',
  'test/queue/hanging-worker.ts',
]

/**
 * Returns the compiled file of a program, `src/main.ts` to `…/src/main.js`, compiled as `npm run build` does it: it starts in
 * half a second of a core, its sources through tsx in two and a half. All are made once per run, in a second.
 */
export function compiledFile(program: string): string {
  while (!existsSync(compiled)) compileOrWait()
  const file = join(compiled, program.replace(/\.ts$/, '.js'))
  if (!existsSync(file)) throw new Error(`${program} is not in the list of programs`)
  return file
}

/** One worker compiles, for all. The others wait for it, and try themselves when it has failed. */
function compileOrWait(): void {
  const lock = join(inject('scratchFolder'), 'compiling')
  try {
    mkdirSync(lock)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50)
    return
  }
  try {
    if (existsSync(compiled)) return
    const draft = `${compiled}-draft`
    const bundle = join(root, 'scripts', 'bundle.mjs')
    execFileSync(process.execPath, [bundle, draft, ...further], { stdio: 'inherit' })
    renameSync(draft, compiled)
  } finally {
    rmdirSync(lock)
  }
}

export interface RunmillProcess {
  pid: number
  /** What it has written so far. */
  stdout(): string
  stderr(): string
  /** Resolves to the URL; rejects when the process ends before it is ready. */
  ready: Promise<string>
  /** Resolves to the exit code, null when a signal ended it. */
  exited: Promise<number | null>
  signal(name: NodeJS.Signals): void
}

/** Settings that this shell may have, and that must not reach the process under test. */
const ownSettings =
  /^(?:RUNMILL_|OTEL_|DATABASE_URL$|DATABASE_READ_URL$|REDIS_URL$|PORT$|HOST$|ROLE$|LOG_LEVEL$|MAX_BODY_|INTERACTIVE_)/

/**
 * Starts the real process on a free port, with `environment` as its settings.
 * @param isSupervised as `npm start` does it: the process is the supervisor, and the server its child
 */
export function startRunmill(
  environment: Record<string, string>,
  { isSupervised = false }: { isSupervised?: boolean } = {},
): RunmillProcess {
  const inherited = Object.entries(process.env).filter(([name]) => !ownSettings.test(name))
  const main = compiledFile('src/main.ts')
  const supervise = `(await import('./scripts/supervise.mjs')).supervise(${JSON.stringify(compiled)})`
  const args = isSupervised ? ['--input-type=module', '-e', supervise] : [main]
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: {
      ...Object.fromEntries(inherited),
      PORT: '0',
      LOG_LEVEL: 'warn',
      INTERACTIVE_WAIT_MS: '30000',
      RUNMILL_DRAIN_SECONDS: '0',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const stdout = collect(child.stdout)
  const stderr = collect(child.stderr)
  const exited = new Promise<number | null>((done) => child.once('close', done))
  const ready = readiness(child, stdout, stderr, exited)
  // A test of a refused start waits for the exit alone.
  ready.catch(() => {})
  return {
    pid: child.pid ?? 0,
    stdout,
    stderr,
    ready,
    exited,
    signal: (name) => {
      child.kill(name)
    },
  }
}

async function readiness(
  child: ChildProcess,
  stdout: () => string,
  stderr: () => string,
  exited: Promise<number | null>,
): Promise<string> {
  const seen = new Promise<string>((done) => {
    child.stdout?.on('data', () => {
      const match = /^Runmill (?:worker )?is ready at (\S+)$/m.exec(stdout())
      if (match !== null) done(match[1]!)
    })
  })
  const url = await Promise.race([seen, exited.then(() => null)])
  if (url === null) throw new Error(`Runmill ended before it was ready: ${stderr()}`)
  return url
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = ''
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  return () => text
}
