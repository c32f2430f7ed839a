import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findFreePort } from '../support/free-port.ts'

export interface PgBouncerProgram {
  path: string
  version: string
  /** 1.21 and newer: whether it is told to prepare the statements of its clients. */
  keepsStatements: boolean
}

export interface PgBouncer {
  /** `url` with the address of the pooler. */
  through(url: string): string
  stop(): Promise<void>
}

/**
 * The PgBouncers to test with: that of Debian's package, and another one on the path. RUNMILL_TEST_PGBOUNCER=1 makes tests
 * fail when there is none, so that CI cannot go green without it.
 */
export function findPgBouncers(): PgBouncerProgram[] {
  const found = ['/usr/sbin/pgbouncer', 'pgbouncer'].flatMap((path) => {
    const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' })
    const [, version, minor] = /^PgBouncer (1\.(\d+)\.\d+)/m.exec(stdout ?? '') ?? []
    if (version === undefined) return []
    return [{ path, version, keepsStatements: Number(minor) >= 21 }]
  })
  if (found.length === 0) {
    if (process.env.RUNMILL_TEST_PGBOUNCER === '1') throw new Error('pgbouncer is not installed')
    console.warn('pgbouncer is not installed: these tests ran without it.')
  }
  return found.filter(
    ({ version }, at) => found.findIndex((each) => each.version === version) === at,
  )
}

/**
 * Starts a PgBouncer in transaction mode on a free port, before the server of `url` and all of its databases.
 * @param connections how many it keeps to each database
 */
export async function startPgBouncer(
  { path, keepsStatements }: PgBouncerProgram,
  url: string,
  connections: number,
): Promise<PgBouncer> {
  const folder = await mkdtemp(join(tmpdir(), 'runmill-pgbouncer-'))
  const port = await findFreePort()
  const { hostname, port: serverPort, username, password } = new URL(url)
  const file = join(folder, 'pgbouncer.ini')
  await writeFile(
    file,
    `[databases]
* = host=${hostname} port=${serverPort} user=${username}${password && ` password=${password}`}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = ${connections}
max_client_conn = 1000
${keepsStatements ? 'max_prepared_statements = 100' : ''}
`,
  )
  const user = await findUser()
  if (user.uid !== undefined)
    for (const each of [folder, file]) await chown(each, user.uid, user.gid!)
  const server = spawn(path, [file], { ...user, stdio: ['ignore', 'ignore', 'pipe'] })
  await untilUp(server)
  return {
    through(target) {
      const pooled = new URL(target)
      pooled.host = `127.0.0.1:${port}`
      return pooled.href
    },
    async stop() {
      if (server.exitCode === null && server.signalCode === null) {
        const exited = once(server, 'exit')
        server.kill('SIGKILL')
        await exited
      }
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Like Postgres it refuses to run as root. */
async function findUser(): Promise<{ uid?: number; gid?: number }> {
  if (process.getuid?.() !== 0) return {}
  const passwd = await readFile('/etc/passwd', 'utf8')
  const [, uid, gid] = /^nobody:[^:]*:(\d+):(\d+):/m.exec(passwd)!
  return { uid: Number(uid), gid: Number(gid) }
}

async function untilUp(server: ChildProcess): Promise<void> {
  let output = ''
  await new Promise<void>((resolve, reject) => {
    server.on('error', reject)
    server.on('exit', () => reject(new Error(`pgbouncer ended:\n${output}`)))
    server.stderr?.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      if (output.includes('process up')) resolve()
    })
  })
}
