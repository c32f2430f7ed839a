import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { EmbeddedPostgresError } from '../../src/embedded/errors.ts'
import {
  createEmbeddedPostgres,
  findRunningUrl,
  stopLeftBehind,
  type EmbeddedPostgres,
} from '../../src/embedded/postgres.ts'
import { compiledFile } from '../support/runmill-process.ts'

let folder: string
let dataDir: string
let servers: EmbeddedPostgres[]

beforeEach(async () => {
  // mkdtemp gives it mode 0700. When the tests run as root, the server's user cannot enter it.
  folder = await mkdtemp(join(tmpdir(), 'runmill-embedded-'))
  dataDir = join(folder, 'data')
  servers = []
})

afterEach(async () => {
  for (const server of servers) await server.stop()
  await rm(folder, { recursive: true, force: true })
})

function make(): EmbeddedPostgres {
  const server = createEmbeddedPostgres({ dataDir })
  servers.push(server)
  return server
}

async function query(url: string, statement: string): Promise<unknown[]> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    return [...(await sql.unsafe(statement).values())].flat()
  } finally {
    await sql.end()
  }
}

describe('start and stop', () => {
  test('the second start keeps the data', async () => {
    const first = make()
    await query(await first.start(), 'create table kept as select 42 as answer')
    await first.stop()
    expect(await query(await make().start(), 'select answer from kept')).toEqual([42])
  })

  test('each may be called twice, and stop without start', async () => {
    const server = make()
    await server.stop()
    const url = await server.start()
    expect(await server.start()).toBe(url)
    await server.stop()
    await server.stop()
    await expect(query(url, 'select 1')).rejects.toThrow('ECONNREFUSED')
  })

  test('it listens on loopback alone, asks for a password, and commits durably', async () => {
    const url = new URL(await make().start())
    expect(url.hostname).toBe('127.0.0.1')
    const settings = await query(
      url.href,
      "select setting from pg_settings where name in ('fsync', 'listen_addresses', 'synchronous_commit', 'unix_socket_directories') order by name",
    )
    expect(settings).toEqual(['on', '127.0.0.1', 'on', ''])
    url.password = 'wrong'
    await expect(query(url.href, 'select 1')).rejects.toThrow('password authentication failed')
  })

  test('what holds the password can be read by its owner alone', async () => {
    await make().start()
    for (const name of ['password', 'url']) {
      expect((await stat(join(dataDir, name))).mode & 0o077).toBe(0)
    }
  })

  test('the URL is found while the server runs, and not afterwards', async () => {
    expect(await findRunningUrl(dataDir)).toBeNull()
    const server = make()
    const url = await server.start()
    expect(await findRunningUrl(dataDir)).toBe(url)
    await server.stop()
    expect(await findRunningUrl(dataDir)).toBeNull()
  })
})

describe('a folder in use', () => {
  test('is refused in one sentence, and the owner goes on', async () => {
    const url = await make().start()
    const refusal = await make()
      .start()
      .catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(EmbeddedPostgresError)
    expect(String(refusal)).toMatch(/data folder .* is in use .*: stop it, or set RUNMILL_DATA_DIR/)
    expect(await query(url, 'select 1')).toEqual([1])
  })
})

describe('after a crash', () => {
  test('kill -9 of the owner leaves a server that the next start replaces, with everything committed', async () => {
    const owner = spawn(process.execPath, [
      compiledFile('test/embedded/start-and-wait.ts'),
      dataDir,
    ])
    const [line] = (await once(owner.stdout, 'data')) as [Buffer]
    const url = line.toString().trim()
    await query(url, 'create table kept as select 42 as answer')
    const orphan = await readPostmasterPid()
    owner.kill('SIGKILL')
    await once(owner, 'exit')
    expect(await query(url, 'select 1')).toEqual([1])

    expect(await query(await make().start(), 'select answer from kept')).toEqual([42])
    expect(await readPostmasterPid()).not.toBe(orphan)
  })

  test('what a killed owner left is stopped, unless another has taken the folder over', async () => {
    const owner = spawn(process.execPath, [
      compiledFile('test/embedded/start-and-wait.ts'),
      dataDir,
    ])
    const [line] = (await once(owner.stdout, 'data')) as [Buffer]
    const url = line.toString().trim()
    owner.kill('SIGKILL')
    await once(owner, 'exit')

    await stopLeftBehind(dataDir, owner.pid! + 1)
    expect(await query(url, 'select 1')).toEqual([1])
    await stopLeftBehind(dataDir, owner.pid!)
    await expect(query(url, 'select 1')).rejects.toThrow('ECONNREFUSED')
  })

  test('a pid file that names a foreign live process does not stand in the way', async () => {
    const first = make()
    await first.start()
    await first.stop()
    await writeFile(join(dataDir, 'postgres', 'postmaster.pid'), `${process.pid}\n`)
    await writeFile(join(dataDir, 'lock'), JSON.stringify({ pid: process.pid, identity: 'older' }))
    expect(await query(await make().start(), 'select 1')).toEqual([1])
  })

  test('a first start that was cut off is begun anew', async () => {
    await mkdir(join(dataDir, 'postgres.new', 'base'), { recursive: true })
    expect(await query(await make().start(), 'select 1')).toEqual([1])
  })

  async function readPostmasterPid(): Promise<number> {
    return Number.parseInt(await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8'), 10)
  }
})
