import { afterEach, describe, expect, test, vi } from 'vitest'
import { doctorCommand } from '../../src/cli/doctor-command.ts'
import { connect, run } from '../support/command-line.ts'
import { harness } from '../support/harness.ts'
import { createEmptyDatabase, createTestDatabase } from '../support/postgres.ts'
import { startRedis, testsRunOnRedis } from '../support/redis.ts'

afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

interface Found {
  name: string
  level: string
  message: string
  advice?: string
}

/** Runs the doctor with these settings alone. */
async function examine(settings: Record<string, string>) {
  for (const name of [
    'RUNMILL_URL',
    'RUNMILL_API_KEY',
    'DATABASE_URL',
    'REDIS_URL',
    'RUNMILL_REDIS_WAIT',
  ]) {
    vi.stubEnv(name, settings[name] ?? '')
  }
  const { code, printed } = await run(doctorCommand, ['--json'])
  const { findings, exit_code: exitCode } = JSON.parse(printed) as {
    exit_code: number
    findings: Found[]
  }
  expect(exitCode).toBe(code)
  return { code, findings, level: (name: string) => findings.find((f) => f.name === name)?.level }
}

test('settings of Postgres that lose data: 1, with what to do; each by itself', async () => {
  // The server of the tests has them off.
  const database = await createTestDatabase()
  const { code, findings, level } = await examine({ DATABASE_URL: database.url })
  expect(code).toBe(1)
  for (const name of ['fsync', 'synchronous_commit', 'full_page_writes']) {
    expect(findings).toContainEqual({
      name: `postgres.${name}`,
      level: 'loses data',
      message: expect.stringContaining(`${name} is off: a crash of`),
      advice: expect.stringContaining(`Set ${name} to on`),
    })
  }
  expect(level('postgres')).toBe('ok')
  expect(level('postgres.dead_letters')).toBe('ok')
  expect(findings.filter(({ name }) => name.startsWith('postgres.size.'))).toHaveLength(8)
  expect(level('postgres.slow')).toBe('note')

  const url = `${database.url}${database.url.includes('?') ? '&' : '?'}options=-csynchronous_commit%3Don`
  expect((await examine({ DATABASE_URL: url })).level('postgres.synchronous_commit')).toBe('ok')
  await database.drop()
})

test('a database without a schema', async () => {
  const database = await createEmptyDatabase()
  expect((await examine({ DATABASE_URL: database.url })).level('postgres.schema')).toBe('warning')
  await database.drop()
})

test('what does not answer: 69', async () => {
  const away = { code: 69 }
  expect(await examine({ DATABASE_URL: 'postgres://x@127.0.0.1:1/x' })).toMatchObject(away)
  expect(await examine({ REDIS_URL: 'redis://127.0.0.1:1' })).toMatchObject(away)
  expect(await examine({ RUNMILL_URL: 'http://127.0.0.1:1' })).toMatchObject(away)
})

test('an API that is ready and takes the key: 0; one that does not take it says so', async () => {
  const h = await harness()
  const url = await connect(h)
  const good = await examine({ RUNMILL_URL: url, RUNMILL_API_KEY: h.tenant.secretKey })
  expect(good).toMatchObject({ code: 0 })
  expect(good.level('api.key')).toBe('ok')
  const bad = await examine({ RUNMILL_URL: url, RUNMILL_API_KEY: 'wrong' })
  expect(bad.level('api.key')).toBe('warning')
  expect((await examine({ RUNMILL_URL: url })).level('api.key')).toBe('warning')
})

test('nothing to look at: 64; a line for each finding', async () => {
  for (const name of ['RUNMILL_URL', 'DATABASE_URL', 'REDIS_URL']) vi.stubEnv(name, '')
  expect(await run(doctorCommand, [])).toMatchObject({ code: 64 })
  vi.stubEnv('REDIS_URL', 'redis-cluster://127.0.0.1')
  expect(await run(doctorCommand, [])).toEqual({
    code: 0,
    printed: expect.stringMatching(/^unknown {2}Redis is a cluster .*\n {9}→ Look at each node/),
  })
})

describe.each(testsRunOnRedis() ? ['Redis'] : [])('%s', () => {
  test.each([
    [[], 0, { 'redis.maxmemory-policy': 'ok', 'redis.appendonly': 'note', 'redis.memory': 'note' }],
    [
      ['--appendfsync', 'always', '--maxmemory', '100mb'],
      0,
      { 'redis.appendonly': 'ok', 'redis.memory': 'ok' },
    ],
    [['--maxmemory-policy', 'allkeys-lru'], 1, { 'redis.maxmemory-policy': 'loses data' }],
    [['--appendonly', 'no'], 1, { 'redis.appendonly': 'loses data' }],
    [['--appendfsync', 'no'], 1, { 'redis.appendonly': 'loses data' }],
  ] as [string[], number, Record<string, string>][])('%j: %i', async (settings, code, levels) => {
    const server = await startRedis(settings)
    const found = await examine({ REDIS_URL: server.url })
    for (const [name, level] of Object.entries(levels)) expect(found.level(name)).toBe(level)
    expect(found.code).toBe(code)
    await server.stop()
  })

  test('a replica that need not follow: 1; one that must, or that is waited for: 0', async () => {
    const primary = await startRedis()
    const replica = await startRedis(['--replicaof', '127.0.0.1', String(primary.port)])
    const level = async () => (await examine({ REDIS_URL: primary.url })).level('redis.replicas')
    await expect.poll(level, { timeout: 20_000 }).toBe('loses data')
    for (const [awaited, expected] of [
      ['1', 'ok'],
      ['2', 'warning'],
    ] as const) {
      const found = await examine({ REDIS_URL: primary.url, RUNMILL_REDIS_WAIT: awaited })
      expect(found.level('redis.replicas')).toBe(expected)
    }
    await replica.stop()
    await primary.stop()
    const strict = await startRedis(['--min-replicas-to-write', '1'])
    const second = await startRedis(['--replicaof', '127.0.0.1', String(strict.port)])
    const strictLevel = async () =>
      (await examine({ REDIS_URL: strict.url })).level('redis.replicas')
    await expect.poll(strictLevel, { timeout: 20_000 }).toBe('ok')
    await second.stop()
    await strict.stop()
  })
})
