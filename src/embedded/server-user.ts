import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chown, readFile, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { promisify } from 'node:util'
import { EmbeddedPostgresError } from './errors.ts'

const run = promisify(execFile)

/** The user that Postgres runs as, and how to start a command as that user. */
export interface ServerUser {
  /** Makes the user the owner of a file or folder. */
  own(path: string): Promise<void>
  /** What to spawn so that `command` runs as the user and can reach `paths`. */
  launch(command: string, args: string[], paths: string[]): Promise<Launch>
}

export interface Launch {
  command: string
  args: string[]
  options: { uid?: number; gid?: number }
}

/**
 * Finds the user for Postgres, which refuses to run as root. When we are root, that is the system's user `postgres`,
 * made when missing; otherwise it is our own user.
 * @throws EmbeddedPostgresError when the user can not be made.
 */
export async function findServerUser(): Promise<ServerUser> {
  if (process.getuid?.() !== 0) {
    return {
      own: async () => {},
      launch: async (command, args) => ({ command, args, options: {} }),
    }
  }
  const { uid, gid } = (await lookUpPostgres()) ?? (await createPostgres())
  return {
    own: (path) => chown(path, uid, gid),
    launch: async (command, args, paths) => {
      const reachable = await Promise.all(
        [command, ...paths].map((path) => canReach(path, uid, gid)),
      )
      if (reachable.every(Boolean)) return { command, args, options: { uid, gid } }
      return throughSetpriv(command, args, uid, gid)
    },
  }
}

interface Ids {
  uid: number
  gid: number
}

async function lookUpPostgres(): Promise<Ids | null> {
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '')
  const match = /^_?postgres:[^:]*:(\d+):(\d+):/m.exec(passwd)
  return match === null ? null : { uid: Number(match[1]), gid: Number(match[2]) }
}

async function createPostgres(): Promise<Ids> {
  await run('useradd', ['--system', '--user-group', '--no-create-home', 'postgres']).catch(() => {})
  const ids = await lookUpPostgres()
  if (ids !== null) return ids
  throw new EmbeddedPostgresError(
    'Postgres refuses to run as root and the user "postgres" could not be made: start as another user, or set DATABASE_URL.',
  )
}

/** True when every folder above `path` lets the user through. */
async function canReach(path: string, uid: number, gid: number): Promise<boolean> {
  for (let folder = dirname(resolve(path)); ; folder = dirname(folder)) {
    const { mode, uid: owner, gid: group } = await stat(folder)
    const enter = owner === uid ? 0o100 : group === gid ? 0o010 : 0o001
    if ((mode & enter) === 0) return false
    if (folder === dirname(folder)) return true
  }
}

/**
 * Capabilities that let a process pass through folders, with their bits in /proc/self/status (capabilities(7)). The
 * narrower one comes first; containers often lack it.
 */
const folderCapabilities = [
  { name: 'dac_read_search', bit: 2n },
  { name: 'dac_override', bit: 1n },
]

/**
 * Starts a command as user `postgres`, with the one capability to walk through folders. A folder of mode 0700 above
 * the clone (/root, or one that mktemp -d made) shuts that user out, and this is better than opening somebody's home
 * or moving the data elsewhere.
 * `no_setuid_fixup` is needed because access(2), by which Postgres finds its own programs, ignores capabilities
 * without it.
 */
async function throughSetpriv(
  command: string,
  args: string[],
  uid: number,
  gid: number,
): Promise<Launch> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '')
  const bounding = BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`)
  const capability = folderCapabilities.find(({ bit }) => (bounding >> bit) & 1n)?.name
  const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path))
  if (capability === undefined || setpriv === undefined) {
    throw new EmbeddedPostgresError(
      `Postgres, run as user "postgres", cannot enter the folders above ${dirname(command)} or above RUNMILL_DATA_DIR: open them with chmod o+x, or start as another user.`,
    )
  }
  const only = `-all,+${capability}`
  return {
    command: setpriv,
    args: [
      `--reuid=${uid}`,
      `--regid=${gid}`,
      '--clear-groups',
      `--inh-caps=${only}`,
      `--ambient-caps=${only}`,
      `--bounding-set=${only}`,
      '--securebits=+no_setuid_fixup',
      command,
      ...args,
    ],
    options: {},
  }
}
