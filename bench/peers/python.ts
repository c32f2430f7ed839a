import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

/** Where what PyPI gives is kept between runs: outside the repository, of which it is no part. */
export const defaultCache = join(
  process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
  'runmill-peers',
)

/** @returns the folder of the programs of a virtual environment, which is made when it is not there */
export async function installPython(
  cache: string,
  name: string,
  packages: readonly string[],
): Promise<string> {
  const folder = join(cache, name)
  const done = join(folder, 'installed')
  const bin = join(folder, 'bin')
  if (existsSync(done)) return bin
  await mkdir(cache, { recursive: true })
  console.error(`installing ${packages.join(', ')}`)
  await run('python3', ['-m', 'venv', folder])
  await run(join(bin, 'pip'), ['install', '-q', '--disable-pip-version-check', ...packages])
  await run('touch', [done])
  return bin
}

async function run(command: string, args: readonly string[]): Promise<void> {
  const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`${command} ended with ${code}`)
}

export interface RunningProgram {
  pid: number
  stop(): Promise<void>
}

/** Starts a server, and waits until it answers at `url`. It is a group of processes of its own, and ends as one. */
export async function startProgram(
  command: string,
  args: readonly string[],
  { env, url }: { env: Record<string, string>; url: string },
): Promise<RunningProgram> {
  let output = ''
  const child: ChildProcess = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-4000)))
  }
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null
  const stop = async (): Promise<void> => {
    if (isOver()) return
    const exited = once(child, 'exit')
    process.kill(-child.pid!, 'SIGKILL')
    await exited
  }
  for (const end = Date.now() + 300_000; ; await pause(250)) {
    const answer = await fetch(url).catch(() => null)
    if (answer?.ok === true) return { pid: child.pid!, stop }
    if (!isOver() && Date.now() < end) continue
    await stop()
    throw new Error(`${command} does not answer:\n${output}`)
  }
}
