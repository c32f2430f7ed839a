import { existsSync } from 'node:fs'
import {
  chmod,
  chown,
  mkdir,
  open,
  readFile,
  rm,
  statfs,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { findLastingPort } from './lasting-port.ts'
import { locateBinaries } from '../src/embedded/binaries.ts'
import { runCommand, type Outcome } from './command.ts'

/** A Postgres with its default settings, run by pg_ctl, as an operator would have it. */
export interface StockPostgres {
  readonly port: number
  readonly url: string
  /** The folder of its data. */
  readonly cluster: string
  /** What it is: `Postgres 15.14 from /usr/lib/postgresql/15/bin`. */
  readonly description: string
  /** Why its disk cannot be filled; null when it can be. */
  readonly noDiskReason: string | null
  start(): Promise<void>
  /** Ends as in a crash (`pg_ctl stop -m immediate`). The next start recovers from the log. */
  crash(): Promise<void>
  /** The pids of the server and its children. */
  pids(): Promise<number[]>
  /** Leaves no free block on the disk that the server has to itself. */
  fillDisk(): Promise<void>
  freeDisk(): Promise<void>
  /** Stops the server. What it wrote is removed with the folder. */
  stop(): Promise<void>
}

/** Debian's packages, the oldest version that is supported first. */
const versions = [15, 16, 17, 18]

/** The size of the file system that the server gets where one can be mounted. It takes only what is written. */
const diskBytes = 8 * 1024 ** 3

export interface StockPostgresOptions {
  /** The major version. Absent: the oldest that is installed. */
  version?: number | undefined
  /** Whether the server gets a small file system to itself, which can be filled. */
  hasOwnDisk?: boolean
  /** A server of the same version that it is to be a streaming replica of, and that is stopped at the moment. */
  follows?: Pick<StockPostgres, 'port' | 'cluster'>
  /** What differs from the default settings after all. */
  settings?: Readonly<Record<string, string>>
}

/** @param folder an empty folder that other users may enter */
export async function startStockPostgres(
  folder: string,
  { version, hasOwnDisk = true, follows, settings: given = {} }: StockPostgresOptions = {},
): Promise<StockPostgres> {
  const { bin, from } = await findBinaries(version)
  const user = await findUser()
  const port = await findLastingPort()
  const disk = join(folder, 'disk')
  const cluster = join(disk, 'cluster')
  const ballast = join(disk, 'ballast')
  const log = join(folder, 'postgres.log')
  await mkdir(disk)
  const noDiskReason = hasOwnDisk
    ? await mountDisk(disk, join(folder, 'disk.img'))
    : 'it was not asked for'
  await mkdir(cluster, { mode: 0o700 })
  await writeFile(log, '')
  if (user.uid !== undefined) {
    for (const path of [cluster, log]) await chown(path, user.uid, user.gid!)
  }
  await chmod(disk, 0o755)

  const run = async (program: string, args: string[]): Promise<Outcome> =>
    runCommand(join(bin, program), args, { ...user, cwd: disk })
  const primary = { primary_conninfo: `host=127.0.0.1 port=${follows?.port} user=runmill` }
  const more = { ...given, ...(follows === undefined ? {} : primary) }
  const initdb = ['-D', cluster, '-U', 'runmill', '--auth=trust', '-E', 'UTF8', '--locale=C.UTF-8']
  if (follows === undefined) mustSucceed(await run('initdb', initdb))
  else {
    mustSucceed(await runCommand('cp', ['-a', `${follows.cluster}/.`, cluster]))
    mustSucceed(await runCommand('touch', [join(cluster, 'standby.signal')]))
  }

  async function start(): Promise<void> {
    const others = Object.entries(more).map(([name, value]) => ` -c ${name}='${value}'`)
    const settings = `-p ${port} -h 127.0.0.1 -k ''${others.join('')}`
    const args = ['start', '-w', '-t', '60', '-D', cluster, '-l', log, '-o', settings]
    for (let attempt = 1; ; attempt++) {
      const outcome = await run('pg_ctl', args)
      if (outcome.code === 0 || /another server might be running/.test(outcome.output)) {
        if (await answers(bin, port)) return
      }
      if (attempt === 20) throw new Error(`Postgres did not start: ${outcome.output}`)
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
  }

  await start()
  const { output } = await run('postgres', ['--version'])
  return {
    port,
    url: `postgres://runmill@127.0.0.1:${port}/postgres`,
    cluster,
    description: `${output.trim()}, from ${from}, default settings`,
    noDiskReason,
    start,
    crash: async () => {
      await run('pg_ctl', ['stop', '-m', 'immediate', '-w', '-D', cluster])
    },
    async pids() {
      const text = await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => '')
      const postmaster = Number(text.split('\n')[0])
      if (!(postmaster > 0)) return []
      const path = `/proc/${postmaster}/task/${postmaster}/children`
      const children = await readFile(path, 'utf8').catch(() => '')
      return [postmaster, ...children.trim().split(' ').filter(Boolean).map(Number)]
    },
    async fillDisk() {
      const file = await open(ballast, 'w')
      const { bsize, bfree } = await statfs(disk)
      await file.close()
      await runCommand('fallocate', ['-l', String(Math.floor(bfree * bsize * 0.995)), ballast])
      // fallocate takes blocks without writing them, but refuses the last ones: the rest is written until nothing is left.
      await runCommand('sh', ['-c', `dd if=/dev/zero of=${ballast}.rest bs=64k 2>/dev/null; true`])
    },
    async freeDisk() {
      await truncate(ballast, 0).catch(() => {})
      for (const path of [ballast, `${ballast}.rest`]) await rm(path, { force: true })
    },
    async stop() {
      await run('pg_ctl', ['stop', '-m', 'immediate', '-w', '-D', cluster])
      if (noDiskReason === null) await runCommand('umount', [disk])
    },
  }
}

/** Postgres 18 is always there: npm installs it. @throws Error when the version is not installed */
async function findBinaries(version: number | undefined): Promise<{ bin: string; from: string }> {
  const bin = (version === undefined ? versions : [version])
    .map((each) => `/usr/lib/postgresql/${each}/bin`)
    .find((each) => existsSync(join(each, 'pg_ctl')))
  if (bin !== undefined) return { bin, from: bin }
  if (version !== undefined && version !== 18)
    throw new Error(`Install postgresql-${version} first.`)
  const embedded = dirname((await locateBinaries()).postgres)
  return { bin: embedded, from: 'npm' }
}

/** Postgres refuses to run as root. @returns nothing when we are not root, else the user `postgres` */
async function findUser(): Promise<{ uid?: number; gid?: number }> {
  if (process.getuid?.() !== 0) return {}
  const passwd = await readFile('/etc/passwd', 'utf8')
  const match = /^postgres:[^:]*:(\d+):(\d+):/m.exec(passwd)
  if (match === null) throw new Error('There is no user postgres: install postgresql-15.')
  return { uid: Number(match[1]), gid: Number(match[2]) }
}

/** Mounts a file system of its own, so that it can be filled. @returns why that cannot be done, or null */
async function mountDisk(folder: string, image: string): Promise<string | null> {
  if (process.getuid?.() !== 0) return 'only root can mount a small file system'
  await (await open(image, 'w')).close()
  await truncate(image, diskBytes)
  const steps: [string, string[]][] = [
    ['mkfs.ext4', ['-q', '-m', '0', image]],
    ['mount', ['-o', 'loop', image, folder]],
  ]
  for (const [command, args] of steps) {
    const { code, output } = await runCommand(command, args)
    if (code !== 0) {
      await rm(image, { force: true })
      return `no file system can be mounted here (${command}: ${output.trim().slice(0, 80)})`
    }
  }
  return null
}

async function answers(bin: string, port: number): Promise<boolean> {
  const probe = join(bin, 'pg_isready')
  if (!existsSync(probe)) return true
  const { code } = await runCommand(probe, [
    '-q',
    '-h',
    '127.0.0.1',
    '-U',
    'runmill',
    '-p',
    String(port),
  ])
  return code === 0
}

function mustSucceed({ code, output }: Outcome): void {
  if (code !== 0) throw new Error(output)
}
