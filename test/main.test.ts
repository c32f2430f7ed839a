import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createTestDatabase, type TestDatabase } from './support/postgres.ts'
import { compiledFile, startRunmill, type RunmillProcess } from './support/runmill-process.ts'

let folder: string
let database: TestDatabase
let processes: RunmillProcess[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'runmill-main-'))
  database = await createTestDatabase()
  processes = []
})

afterEach(async () => {
  for (const each of processes) {
    each.signal('SIGTERM')
    await each.exited
  }
  await database.drop()
  await rm(folder, { recursive: true, force: true })
})

function start(environment: Record<string, string>): RunmillProcess {
  const started = startRunmill(environment)
  processes.push(started)
  return started
}

const external = () => ({ DATABASE_URL: database.url })
const embedded = () => ({ RUNMILL_DATA_DIR: join(folder, 'data') })

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

describe('first start', () => {
  test('prints keys that work and lines to paste; the second start prints the URL alone', async () => {
    const first = start(external())
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
    first.signal('SIGTERM')
    await first.exited

    const second = start(external())
    const secondUrl = await second.ready
    expect(second.stdout()).toBe(`Runmill is ready at ${secondUrl}\n`)
    expect(await projectsStatus(secondUrl, publicKey, secretKey)).toBe(200)
  })

  test('given keys work at every start, are not printed, and take a new secret', async () => {
    const given = {
      ...external(),
      RUNMILL_INIT_TENANT_ID: '0b7c1a52-64a5-4a5e-9d13-1f9a2b3c4d5e',
      RUNMILL_INIT_TENANT_NAME: 'evaluations',
      RUNMILL_INIT_PUBLIC_KEY: 'pk-lf-1234567890',
      RUNMILL_INIT_SECRET_KEY: 'sk-lf-1234567890',
    }
    for (const secret of ['sk-lf-1234567890', 'sk-lf-1234567890', 'sk-lf-another-one']) {
      const each = start({ ...given, RUNMILL_INIT_SECRET_KEY: secret })
      const url = await each.ready
      expect(each.stdout()).toBe(`Runmill is ready at ${url}\n`)
      expect(await projectsStatus(url, 'pk-lf-1234567890', secret)).toBe(200)
      each.signal('SIGTERM')
      await each.exited
    }
  })
})

describe('embedded', () => {
  test('keeps its data over a stop and over kill -9', async () => {
    const first = start(embedded())
    await first.ready
    const { publicKey, secretKey } = printedKeys(first.stdout())
    first.signal('SIGKILL')
    await first.exited

    const second = start(embedded())
    expect(await projectsStatus(await second.ready, publicKey, secretKey)).toBe(200)
    second.signal('SIGINT')
    expect(await second.exited).toBe(0)

    const third = start(embedded())
    expect(await projectsStatus(await third.ready, publicKey, secretKey)).toBe(200)
  })

  test('its database ends by itself: the process says so and ends with 1', async () => {
    const started = start(embedded())
    await started.ready
    const pidFile = join(folder, 'data', 'postgres', 'postmaster.pid')
    process.kill(Number.parseInt(await readFile(pidFile, 'utf8'), 10), 'SIGQUIT')
    expect(await started.exited).toBe(1)
    expect(started.stderr()).toMatch(/runmill: The embedded Postgres ended by itself/)
  })
})

describe('roles', () => {
  test('a worker serves liveness, readiness and metrics, and no API', async () => {
    const url = await start({ ...external(), ROLE: 'worker' }).ready
    const statusOf = async (path: string) => (await fetch(url + path)).status
    expect(await statusOf('/livez')).toBe(200)
    expect(await statusOf('/readyz')).toBe(200)
    expect(await statusOf('/metrics')).toBe(200)
    expect(await statusOf('/api/public/health')).toBe(404)
  })

  test('api and worker that start at once make one tenant with one key', async () => {
    const both = [start({ ...external(), ROLE: 'api' }), start({ ...external(), ROLE: 'worker' })]
    await Promise.all(both.map((each) => each.ready))
    const shown = both.filter((each) => each.stdout().includes('secret key'))
    expect(shown).toHaveLength(1)
  })
})

describe('a signal', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('%s stops cleanly with 0', async (signal) => {
    const started = start(external())
    const url = await started.ready
    started.signal(signal)
    expect(await started.exited).toBe(0)
    expect(started.stderr()).toBe('')
    await expect(fetch(url)).rejects.toThrow('fetch failed')
  })

  test('during the start, also twice at once as from npm and the terminal, ends with 0', async () => {
    const started = start(embedded())
    await vi.waitFor(async () => access(join(folder, 'data', 'lock')), {
      timeout: 10_000,
      interval: 5,
    })
    started.signal('SIGINT')
    started.signal('SIGINT')
    expect(await started.exited).toBe(0)
    expect(started.stderr()).toBe('')
  })
})

describe('refused with one sentence and exit code 1', () => {
  async function refusal(environment: Record<string, string>): Promise<string> {
    const started = start(environment)
    expect(await started.exited).toBe(1)
    expect(started.stdout()).not.toContain('ready')
    expect(started.stderr()).toMatch(/^runmill: [^\n]+\.\n$/)
    return started.stderr()
  }

  test('a taken port', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const { port } = holder.address() as AddressInfo
    const sentence = await refusal({ ...external(), PORT: String(port) })
    expect(sentence).toContain(`Port ${port} on 127.0.0.1 is taken`)
    holder.close()
  })

  test('a database that does not answer, named by host and without its password', async () => {
    const sentence = await refusal({ DATABASE_URL: 'postgres://me:hidden@127.0.0.1:1/runmill' })
    expect(sentence).toContain('Postgres at 127.0.0.1:1 (')
    expect(sentence).toContain('check DATABASE_URL')
    expect(sentence).not.toContain('hidden')
  })

  test('a database that refuses the password', async () => {
    const url = new URL(database.url)
    url.password = 'wrong'
    expect(await refusal({ DATABASE_URL: url.href })).toContain('password authentication failed')
  })

  test('a Redis that does not answer', async () => {
    const sentence = await refusal({ ...external(), REDIS_URL: 'redis://:hidden@127.0.0.1:1' })
    expect(sentence).toContain('Redis at 127.0.0.1:1 (')
    expect(sentence).not.toContain('hidden')
  })

  test('a Redis URL that cannot be read', async () => {
    const sentence = await refusal({ ...external(), REDIS_URL: 'redis-cluster://a,b/1' })
    expect(sentence).toContain('REDIS_URL cannot be used: A Redis Cluster has no databases')
  })

  test('a data folder in use', async () => {
    await start(embedded()).ready
    expect(await refusal(embedded())).toContain('is in use by another Runmill')
  })

  test('a setting that cannot be', async () => {
    expect(await refusal({ PORT: 'http' })).toContain('PORT must be a port number')
  })

  test('a given public key that is another tenant’s', async () => {
    const given = {
      ...external(),
      RUNMILL_INIT_PUBLIC_KEY: 'pk-lf-1234567890',
      RUNMILL_INIT_SECRET_KEY: 'sk-lf-1234567890',
    }
    await start(given).ready
    const another = { ...given, RUNMILL_INIT_TENANT_ID: '0b7c1a52-64a5-4a5e-9d13-1f9a2b3c4d5e' }
    expect(await refusal(another)).toContain('RUNMILL_INIT_PUBLIC_KEY belongs to another tenant')
  })
})

describe('npm run keys', () => {
  function keys(...args: string[]): { status: number | null; stdout: string; stderr: string } {
    return spawnSync(process.execPath, [compiledFile('src/keys-cli.ts'), ...args], {
      env: { PATH: process.env['PATH'], RUNMILL_DATA_DIR: join(folder, 'data') },
      encoding: 'utf8',
    })
  }

  test('creates, lists and revokes beside a running server, and without one', async () => {
    const started = start(embedded())
    const url = await started.ready
    const pair = printedKeys(keys('create', '--note', 'for CI').stdout)
    expect(await projectsStatus(url, pair.publicKey, pair.secretKey)).toBe(200)
    expect(keys('list').stdout).toMatch(new RegExp(`${pair.publicKey}  \\S+  active  for CI`))
    expect(keys('list').stdout).not.toContain(pair.secretKey)
    started.signal('SIGTERM')
    await started.exited

    expect(keys('revoke', pair.publicKey).stdout).toMatch(/^revoked at /)
    expect(keys('list').stdout).toMatch(new RegExp(`${pair.publicKey}  \\S+  revoked`))
    const restarted = start(embedded())
    expect(await projectsStatus(await restarted.ready, pair.publicKey, pair.secretKey)).toBe(401)
  })

  test('says what is missing: a command, a key, any data', async () => {
    expect(keys()).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('npm run keys -- create'),
    })
    expect(keys('list')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('run npm start first'),
    })
    const started = start(embedded())
    await started.ready
    expect(keys('revoke', 'pk-rm-none')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('has no key pk-rm-none'),
    })
  })
})
