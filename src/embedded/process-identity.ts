import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFile, readlink } from 'node:fs/promises'
import { promisify } from 'node:util'

/**
 * Returns the start time of a live process, which tells it apart from a later process that gets the same id.
 * @returns null when there is no such process.
 */
export async function identifyProcess(pid: number): Promise<string | null> {
  if (!isAlive(pid)) return null
  if (process.platform === 'linux') {
    // Field 22 of `stat` in proc(5). The second field is in brackets and may contain spaces.
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null)
    const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
    // A zombie has ended; its parent has only not collected it yet.
    if (fields === undefined || fields[0] === 'Z') return null
    return fields[19] ?? null
  }
  const { stdout } = await run('ps', ['-o', 'lstart=', '-p', String(pid)]).catch(() => ({
    stdout: '',
  }))
  return stdout.trim() || null
}

/** Returns the command line of a process, with spaces between its arguments; empty when there is no such process. */
export async function readCommandLine(pid: number): Promise<string> {
  if (process.platform === 'linux') {
    const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    return text.replaceAll('\0', ' ')
  }
  const { stdout } = await run('ps', ['-o', 'command=', '-p', String(pid)]).catch(() => ({
    stdout: '',
  }))
  return stdout
}

/**
 * Returns a name for this process that no other process has, ever and anywhere. It has no colons. On Linux other
 * processes of this machine (and, in a container, of this container) can tell from it whether the process has ended.
 */
export async function nameThisProcess(): Promise<string> {
  const start = await identifyProcess(process.pid)
  return [(await placeOfProcesses()) ?? randomUUID(), process.pid, start ?? '']
    .join('/')
    .replaceAll(':', '-')
}

/** Whether the process that was given this name has ended for certain; false where that cannot be known. */
export async function hasProcessEnded(name: string): Promise<boolean> {
  const [place, pid = '', start] = name.split('/')
  if (place !== (await placeOfProcesses())) return false
  if (!isAlive(Number(pid))) return true
  // A process that is alive and says nothing of itself belongs to another user, and may be the one.
  const found = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null)
  return found !== null && (await identifyProcess(Number(pid))) !== start
}

/** Where a process id means one process: this start of this machine, and in it this container. Only Linux tells. */
async function placeOfProcesses(): Promise<string | null> {
  const start = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => null)
  const container = await readlink('/proc/self/ns/pid').catch(() => null)
  return start === null || container === null
    ? null
    : `${start.trim()} ${container}`.replaceAll(':', '-')
}

const run = promisify(execFile)

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
