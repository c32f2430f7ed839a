import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { identifyProcess } from '../src/embedded/process-identity.ts'
import { closePool, openPool, type Db } from '../src/store/pool.ts'
import { startRunmill, type RunmillProcess } from './support/runmill-process.ts'

/* `npm start`: a supervisor, the server as its child, and the embedded Postgres as the server's. */

const keys = {
  RUNMILL_INIT_PUBLIC_KEY: 'pk-lf-1234567890',
  RUNMILL_INIT_SECRET_KEY: 'sk-lf-1234567890',
}

let dataDir: string
let supervisor: RunmillProcess
const pools: Db[] = []

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'runmill-supervise-'))
})

afterEach(async () => {
  supervisor.signal('SIGTERM')
  await supervisor.exited
  for (const db of pools.splice(0)) await closePool(db)
})

afterAll(async () => {
  await rm(dataDir, { recursive: true, force: true })
})

function start(environment: Record<string, string> = {}): RunmillProcess {
  return startRunmill(
    { RUNMILL_DATA_DIR: dataDir, INTERACTIVE_WAIT_MS: '0', ...keys, ...environment },
    { isSupervised: true },
  )
}

/** URLs that servers were ready at, in order. */
const urls = (): string[] =>
  [...supervisor.stdout().matchAll(/^Runmill is ready at (\S+)$/gm)].map(([, url]) => url!)

/** @returns the URL of the `count`th server of the supervisor */
async function ready(count: number): Promise<string> {
  await expect.poll(() => urls().length, { interval: 20 }).toBe(count)
  return urls().at(-1)!
}

async function serverPid(): Promise<number> {
  return (JSON.parse(await readFile(join(dataDir, 'lock'), 'utf8')) as { pid: number }).pid
}

async function postgresPid(): Promise<number> {
  return Number.parseInt(await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8'), 10)
}

async function ended(pid: number): Promise<void> {
  await expect.poll(async () => identifyProcess(pid)).toBeNull()
}

const authorization = `Basic ${Buffer.from('pk-lf-1234567890:sk-lf-1234567890').toString('base64')}`

async function postTrace(url: string, id: string): Promise<number> {
  const answer = await fetch(`${url}/api/public/ingestion`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({
      batch: [
        {
          id: `event-${id}`,
          type: 'trace-create',
          timestamp: '2026-01-01T00:00:00.000Z',
          body: { id, name: 'kept', timestamp: '2026-01-01T00:00:00.000Z' },
        },
      ],
    }),
  })
  await answer.text()
  return answer.status
}

async function traceStatus(url: string, id: string): Promise<number> {
  return (await fetch(`${url}/api/public/traces/${id}`, { headers: { authorization } })).status
}

/**
 * Has the server accept a trace and hold its job without an end. No worker looks for locks that have run out any more, so
 * that the job can only be taken over.
 */
async function holdTrace(url: string, id: string): Promise<void> {
  const db = openPool(await readFile(join(dataDir, 'url'), 'utf8'), { max: 2 })
  let locked = (): void => {}
  const isLocked = new Promise<void>((resolve) => (locked = resolve))
  // Until the end of this server.
  const lock = db.begin(async (transaction) => {
    await transaction`lock table traces in access exclusive mode`
    locked()
    await transaction`select pg_sleep(600)`
  })
  lock.catch(() => {})
  await isLocked
  expect(await postTrace(url, id)).toBe(207)
  await expect
    .poll(
      async () =>
        (await db`select from bullmq.job where state = 'active' and name like 'ingest%'`).length,
    )
    .toBe(1)
  await db`update bullmq.meta set value = '9000000000000000' where field = 'stalled-check'`
  pools.push(db)
}

describe('npm start', () => {
  test('starts a killed server again, with its data and the job it held; SIGTERM ends all with 0', async () => {
    supervisor = start()
    const first = await ready(1)
    expect(await postTrace(first, 'before')).toBe(207)
    await expect.poll(async () => traceStatus(first, 'before')).toBe(200)
    await holdTrace(first, 'held')

    process.kill(await serverPid(), 'SIGKILL')
    const second = await ready(2)
    expect(supervisor.stderr()).toContain(
      'runmill: The server ended by itself (by SIGKILL) and is started again in 0.2 s.\n',
    )
    expect(await traceStatus(second, 'before')).toBe(200)
    await expect.poll(async () => traceStatus(second, 'held')).toBe(200)

    // The database alone, too.
    process.kill(await postgresPid(), 'SIGQUIT')
    const third = await ready(3)
    expect(supervisor.stderr()).toContain('(with exit code 70) and is started again in 0.4 s.\n')
    expect(await traceStatus(third, 'held')).toBe(200)

    const pids = [await serverPid(), await postgresPid()]
    supervisor.signal('SIGTERM')
    expect(await supervisor.exited).toBe(0)
    for (const pid of pids) expect(await identifyProcess(pid)).toBeNull()
  })

  test('that is killed itself takes the server and its database with it', async () => {
    supervisor = start()
    await ready(1)
    const pids = [await serverPid(), await postgresPid()]
    supervisor.signal('SIGKILL')
    for (const pid of pids) await ended(pid)
  })

  test('that is stopped while its server is down leaves no database behind', async () => {
    supervisor = start()
    await ready(1)
    const postgres = await postgresPid()
    process.kill(await serverPid(), 'SIGKILL')
    await expect.poll(() => supervisor.stderr()).toContain('is started again')
    supervisor.signal('SIGINT')
    expect(await supervisor.exited).toBe(0)
    await ended(postgres)
  })

  test('does not start again what the operator has to mend', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const { port } = holder.address() as AddressInfo
    supervisor = start({ PORT: String(port) })
    expect(await supervisor.exited).toBe(1)
    expect(supervisor.stderr()).toMatch(/^runmill: Port \d+ on 127\.0\.0\.1 is taken[^\n]+\.\n$/)
    holder.close()
  })
})

describe('an error that nobody holds', () => {
  /** Throws what a signal asks for, in the server. */
  const thrower = `data:text/javascript,${encodeURIComponent(`
    process.on('SIGUSR2', () => { throw Object.assign(new Error('socket'), { code: 'EPIPE' }) })
    process.on('SIGWINCH', () => { throw new TypeError('a mistake of ours') })
  `)}`

  test('is survived and counted when it comes from a connection; after any other the server is started anew', async () => {
    supervisor = start({ NODE_OPTIONS: `--import=${thrower}` })
    const first = await ready(1)
    process.kill(await serverPid(), 'SIGUSR2')
    const metrics = async () => (await fetch(`${first}/metrics`)).text()
    await expect.poll(metrics).toContain('\nrunmill_unheld_errors_total 1\n')
    await expect.poll(metrics).toContain('\nrunmill_process_restarts_total{end="exit code 70"} 0\n')
    expect(urls()).toHaveLength(1)

    const pid = await serverPid()
    process.kill(pid, 'SIGWINCH')
    await ready(2)
    expect(supervisor.stderr()).toContain('TypeError: a mistake of ours')
    expect(supervisor.stderr()).toContain('(with exit code 70)')
    const second = async () => (await fetch(`${urls().at(-1)!}/metrics`)).text()
    await expect.poll(second).toContain('\nrunmill_process_restarts_total{end="exit code 70"} 1\n')
    supervisor.signal('SIGINT')
    expect(await supervisor.exited).toBe(0)
  })
})
