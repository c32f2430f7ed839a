import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { access, mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { closePool, openPool } from '../src/store/pool.ts'
import { findFreePort } from './support/free-port.ts'
import { createTestDatabase, type TestDatabase } from './support/postgres.ts'
import { compiledFile, startRunmill, type RunmillProcess } from './support/runmill-process.ts'

/* A start takes a second or more, so tests that look at the same process share it. Each test also runs on its own. */

let folder: string
const databases: TestDatabase[] = []
const processes: RunmillProcess[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'runmill-main-'))
})

afterAll(async () => {
  for (const each of processes) {
    each.signal('SIGTERM')
    await each.exited
  }
  for (const database of databases) await database.drop()
  await rm(folder, { recursive: true, force: true })
})

function start(environment: Record<string, string>): RunmillProcess {
  const started = startRunmill(environment)
  processes.push(started)
  return started
}

/** Settings for a database that only this test uses. */
async function external(): Promise<{ DATABASE_URL: string }> {
  const database = await createTestDatabase()
  databases.push(database)
  return { DATABASE_URL: database.url }
}

async function projectsStatus(url: string, publicKey: string, secretKey: string): Promise<number> {
  const credentials = Buffer.from(`${publicKey}:${secretKey}`).toString('base64')
  const answer = await fetch(`${url}/api/public/projects`, {
    headers: { authorization: `Basic ${credentials}` },
  })
  return answer.status
}

function printedKeys(output: string): { publicKey: string; secretKey: string } {
  const [, publicKey = ''] = /^ *public key +(\S+)$/m.exec(output) ?? []
  const [, secretKey = ''] = /^ *secret key +(\S+)$/m.exec(output) ?? []
  return { publicKey, secretKey }
}

/** What was printed for people. A machine that is very busy may log that something took too long. */
function announced({ stdout }: RunmillProcess): string {
  return stdout().replaceAll(/^\{.*\n/gm, '')
}

/** All that a start prints that makes no keys. */
function announcement(started: RunmillProcess, url: string): string {
  return `Runmill is ready at ${url}\nHealth for probes is at ${healthUrl(started)}\n`
}

function healthUrl(started: RunmillProcess): string {
  return /^Health for probes is at (\S+)$/m.exec(started.stdout())?.[1] ?? ''
}

async function stopsCleanly(started: RunmillProcess, signal: 'SIGINT' | 'SIGTERM'): Promise<void> {
  const url = await started.ready
  started.signal(signal)
  expect(await started.exited).toBe(0)
  expect(started.stderr()).toBe('')
  await expect(fetch(url)).rejects.toThrow('fetch failed')
}

/** Returns the one sentence that a process prints when it refuses to start. */
async function refusal(environment: Record<string, string>): Promise<string> {
  const started = start(environment)
  expect(await started.exited).toBe(1)
  expect(started.stdout()).not.toContain('ready')
  expect(started.stderr()).toMatch(/^runmill: [^\n]+\.\n$/)
  return started.stderr()
}

describe('first start', () => {
  test('prints keys that work and lines to paste; the second start prints only the URL; SIGTERM and SIGINT end them with 0', async () => {
    const settings = await external()
    const first = start(settings)
    const url = await first.ready
    const { publicKey, secretKey } = printedKeys(first.stdout())
    expect(publicKey).toMatch(/^pk-rm-[0-9a-f]{64}$/)
    expect(secretKey).toMatch(/^sk-rm-[0-9a-f]{64}$/)
    for (const line of [
      `export LANGFUSE_BASE_URL=${url}`,
      `export LANGFUSE_HOST=${url}`,
      `export LANGFUSE_PUBLIC_KEY=${publicKey}`,
      `export LANGFUSE_SECRET_KEY=${secretKey}`,
      `export LANGSMITH_ENDPOINT=${url}`,
      `export LANGSMITH_API_KEY=${secretKey}`,
      'export LANGSMITH_TRACING=true',
    ]) {
      expect(first.stdout()).toContain(line)
    }
    expect(await projectsStatus(url, publicKey, secretKey)).toBe(200)
    expect(await projectsStatus(url, publicKey, 'sk-rm-wrong')).toBe(401)
    await stopsCleanly(first, 'SIGTERM')

    const second = start(settings)
    const secondUrl = await second.ready
    expect(announced(second)).toBe(announcement(second, secondUrl))
    expect(await projectsStatus(secondUrl, publicKey, secretKey)).toBe(200)
    await stopsCleanly(second, 'SIGINT')
  })

  test('configured keys work, are not printed, are refused to another tenant, and take a new secret at the next start', async () => {
    const given = {
      ...(await external()),
      RUNMILL_INIT_TENANT_ID: '0b7c1a52-64a5-4a5e-9d13-1f9a2b3c4d5e',
      RUNMILL_INIT_TENANT_NAME: 'evaluations',
      RUNMILL_INIT_PUBLIC_KEY: 'pk-lf-1234567890',
      RUNMILL_INIT_SECRET_KEY: 'sk-lf-1234567890',
    }
    for (const secret of ['sk-lf-1234567890', 'sk-lf-another-one']) {
      const each = start({ ...given, RUNMILL_INIT_SECRET_KEY: secret })
      const url = await each.ready
      expect(announced(each)).toBe(announcement(each, url))
      expect(await projectsStatus(url, 'pk-lf-1234567890', secret)).toBe(200)
      each.signal('SIGTERM')
      await each.exited
    }
    const another = { ...given, RUNMILL_INIT_TENANT_ID: '7f3de2a4-1c1b-4b0e-8a55-90a1b2c3d4e5' }
    expect(await refusal(another)).toContain('RUNMILL_INIT_PUBLIC_KEY belongs to another tenant')
  })
})

describe('roles', () => {
  test('api and worker that start at once make one tenant with one key; the worker serves health but no API', async () => {
    const settings = await external()
    const api = start({ ...settings, ROLE: 'api' })
    const worker = start({ ...settings, ROLE: 'worker' })
    const [, url] = await Promise.all([api.ready, worker.ready])
    expect([api, worker].filter((each) => each.stdout().includes('secret key'))).toHaveLength(1)

    const statusOf = async (path: string) => (await fetch(url + path)).status
    expect(await statusOf('/livez')).toBe(200)
    expect(await statusOf('/readyz')).toBe(200)
    expect(await statusOf('/metrics')).toBe(200)
    expect(await statusOf('/api/public/health')).toBe(404)

    for (const each of [api, worker]) {
      const apart = healthUrl(each)
      expect(apart).not.toBe(await each.ready)
      await expect.poll(async () => (await fetch(`${apart}/readyz`)).status).toBe(200)
      const text = await (await fetch(`${apart}/metrics`)).text()
      expect(text).toContain('runmill_queue_jobs')
      // Each shows what it knows.
      expect(text.includes('runmill_events_accepted_total{')).toBe(each === api)
      expect(text.includes('runmill_events_applied_total{')).toBe(each === worker)
      expect(text).toContain(`runmill_database_pool_max{pool="ingestion"} 10`)
    }
  })

  test('a port for health that nobody asked for does not prevent a start', async () => {
    const holder = createServer().listen(3900, '127.0.0.1')
    // It may be taken already, which is as good.
    await Promise.race([once(holder, 'listening'), once(holder, 'error')]).catch(() => {})
    const port = await findFreePort()
    const started = start({ ...(await external()), PORT: String(port) })
    await started.ready
    expect((await fetch(`${healthUrl(started)}/livez`)).status).toBe(200)
    expect(healthUrl(started)).not.toMatch(/:3900$/)
    holder.close()
  })
})

describe('embedded', () => {
  let running: RunmillProcess | null = null
  let firstKeys: { publicKey: string; secretKey: string }
  const dataDir = (): string => join(folder, 'data')
  const embedded = () => ({ RUNMILL_DATA_DIR: dataDir() })

  /** A server on the one data folder. Its first start has printed its keys. */
  async function server(): Promise<{ started: RunmillProcess; url: string }> {
    running ??= start(embedded())
    const url = await running.ready
    firstKeys ??= printedKeys(running.stdout())
    return { started: running, url }
  }

  async function end(signal: 'SIGKILL' | 'SIGINT'): Promise<number | null> {
    const { started } = await server()
    started.signal(signal)
    running = null
    return started.exited
  }

  function keys(args: string[], folderOfData = dataDir()) {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [compiledFile('src/cli/main.ts'), 'keys', ...args],
      { env: { PATH: process.env['PATH'], RUNMILL_DATA_DIR: folderOfData }, encoding: 'utf8' },
    )
    return { status, stdout, stderr }
  }

  test('npm run keys reports what is missing: a command, a key, any data', async () => {
    expect(keys([])).toMatchObject({
      status: 64,
      stderr: expect.stringContaining('runmill keys create'),
    })
    expect(keys(['list'], join(folder, 'nothing'))).toMatchObject({
      status: 64,
      stderr: expect.stringContaining('run npm start first'),
    })
    await server()
    expect(keys(['revoke', 'pk-rm-none'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('has no key pk-rm-none'),
    })
  })

  test('a data folder in use is refused', async () => {
    await server()
    expect(await refusal(embedded())).toContain('is in use by another Runmill')
  })

  test('keeps its data over kill -9 and a stop; keys can be made beside a running server, and revoked without one', async () => {
    const { url } = await server()
    const made = printedKeys(keys(['create', '--note', 'for CI']).stdout)
    expect(await projectsStatus(url, made.publicKey, made.secretKey)).toBe(200)
    const listed = keys(['list']).stdout
    expect(listed).toMatch(new RegExp(`${made.publicKey}  \\S+  active  for CI`))
    expect(listed).not.toContain(made.secretKey)

    await end('SIGKILL')
    const second = await server()
    expect(await projectsStatus(second.url, firstKeys.publicKey, firstKeys.secretKey)).toBe(200)
    expect(await projectsStatus(second.url, made.publicKey, made.secretKey)).toBe(200)
    expect(await end('SIGINT')).toBe(0)

    expect(keys(['revoke', made.publicKey]).stdout).toMatch(/^revoked at /)
    expect(keys(['list']).stdout).toMatch(new RegExp(`${made.publicKey}  \\S+  revoked`))
    const third = await server()
    expect(await projectsStatus(third.url, firstKeys.publicKey, firstKeys.secretKey)).toBe(200)
    expect(await projectsStatus(third.url, made.publicKey, made.secretKey)).toBe(401)
  })

  test('when its database ends by itself, the process says so and ends with 70', async () => {
    const { started } = await server()
    const pidFile = join(dataDir(), 'postgres', 'postmaster.pid')
    process.kill(Number.parseInt(await readFile(pidFile, 'utf8'), 10), 'SIGQUIT')
    expect(await started.exited).toBe(70)
    running = null
    expect(started.stderr()).toMatch(/runmill: The embedded Postgres ended by itself/)
  })

  test('SIGINT while expensive reads burn: they end with an answer, and the database ends with the process', async () => {
    const ownDir = join(folder, 'burning')
    const started = start({ RUNMILL_DATA_DIR: ownDir })
    const url = await started.ready
    const { secretKey } = printedKeys(started.stdout())
    const send = async (path: string, body: unknown) =>
      fetch(url + path, {
        method: 'POST',
        headers: { 'x-api-key': secretKey, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    const session = (await (await send('/sessions', { name: 'big' })).json()) as { id: string }
    const post = Array.from({ length: 200 }, () => {
      const id = randomUUID()
      const place = { trace_id: id, dotted_order: `20260101T000000000000Z${id}` }
      const start_time = '2026-01-01T00:00:00Z'
      return { id, ...place, session_id: session.id, name: 'big', run_type: 'chain', start_time }
    })
    expect((await send('/runs/batch', { post })).status).toBe(202)
    const db = openPool(await readFile(join(ownDir, 'url'), 'utf8'), { max: 2 })
    await vi.waitFor(async () => expect(await db`select from runs`).toHaveLength(200), 60_000)
    await db`update runs set inputs = ('{"a":"' || repeat('a', 400000) || '"}')::json`

    const filter = `search("${'a'.repeat(499)}b")`
    const active = async (name: string, count: number) =>
      vi.waitFor(async () => {
        const statements = await db`
          select from pg_stat_activity
          where state = 'active' and query like ${`%-- name: ${name}%`} and pid <> pg_backend_pid()`
        expect(statements).toHaveLength(count)
      }, 60_000)
    // Two wait for a lock, which is as expensive to whoever waits for them. The last burns a core, and its own
    // limit of 10 s is longer than what a server that stops allows.
    const lock = await db.reserve()
    await lock`begin`
    await lock`lock table datasets in access exclusive mode`
    const waiting = [1, 2].map(async () =>
      fetch(`${url}/datasets`, { headers: { 'x-api-key': secretKey } }),
    )
    await active('dataset', 2)
    const burning = send('/runs/stats', { session: [session.id], filter })
    await active('run', 1)
    const reads = [...waiting, burning].map(async (answer) => (await answer).status)
    const postmaster = Number.parseInt(
      await readFile(join(ownDir, 'postgres', 'postmaster.pid'), 'utf8'),
      10,
    )
    started.signal('SIGINT')
    expect(await Promise.all(reads)).toEqual([503, 503, 503])
    await closePool(db)
    expect(await started.exited).toBe(0)
    expect(started.stderr()).toBe('')
    expect(() => process.kill(postmaster, 0)).toThrow('ESRCH')
  })

  test('a signal during the start, also twice at once as from npm and the terminal, ends with 0', async () => {
    const other = join(folder, 'other')
    const started = start({ RUNMILL_DATA_DIR: other })
    await vi.waitFor(async () => access(join(other, 'lock')), { timeout: 60_000, interval: 5 })
    started.signal('SIGINT')
    started.signal('SIGINT')
    expect(await started.exited).toBe(0)
    expect(started.stderr()).toBe('')
  })
})

describe.concurrent('refused with one sentence and exit code 1', () => {
  test('a taken port', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const { port } = holder.address() as AddressInfo
    const sentence = await refusal({ ...(await external()), PORT: String(port) })
    expect(sentence).toContain(`Port ${port} on 127.0.0.1 is taken`)
    const health = await refusal({ RUNMILL_HEALTH_PORT: String(port) })
    expect(health).toMatch(new RegExp(`Port ${port} .* set RUNMILL_HEALTH_PORT`))
    holder.close()
  })

  test('a database that does not answer; its host is named and its password is not', async () => {
    const sentence = await refusal({ DATABASE_URL: 'postgres://me:hidden@127.0.0.1:1/runmill' })
    expect(sentence).toContain('Postgres at 127.0.0.1:1 (')
    expect(sentence).toContain('check DATABASE_URL')
    expect(sentence).not.toContain('hidden')
  })

  test('a database that refuses the password, or that a newer version has migrated', async () => {
    const { DATABASE_URL } = await external()
    const url = new URL(DATABASE_URL)
    url.password = 'wrong'
    expect(await refusal({ DATABASE_URL: url.href })).toContain('password authentication failed')

    const db = openPool(DATABASE_URL, { max: 1 })
    await db`insert into schema_migrations (name, is_breaking) values ('9999_newer.sql', true)`
    await closePool(db)
    expect(await refusal({ DATABASE_URL })).toContain('migrated by a newer version of Runmill')
  })

  test('a Redis that does not answer, or whose URL cannot be read', async () => {
    const settings = await external()
    const sentence = await refusal({ ...settings, REDIS_URL: 'redis://:hidden@127.0.0.1:1' })
    expect(sentence).toContain('Redis at 127.0.0.1:1 (')
    expect(sentence).not.toContain('hidden')
    expect(await refusal({ ...settings, REDIS_URL: 'redis-cluster://a,b/1' })).toContain(
      'REDIS_URL cannot be used: A Redis Cluster has no databases',
    )
  })

  test('a setting with an impossible value', async () => {
    expect(await refusal({ PORT: 'http' })).toContain('PORT must be a port number')
  })
})
