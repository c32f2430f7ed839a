import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { settingNames } from '../src/config.ts'
import { findFreePort } from './support/free-port.ts'
import { testsRunOnRedis } from './support/redis.ts'

interface Service {
  command?: string[]
  environment: Record<string, string>
  ports?: string[]
  read_only?: boolean
  cap_drop?: string[]
  security_opt?: string[]
  mem_limit?: string
  logging?: { options: Record<string, string> }
}

type Name = 'api' | 'worker' | 'postgres' | 'redis' | 'backup'

async function services(): Promise<Record<Name, Service>> {
  const text = await readFile('docker-compose.yml', 'utf8')
  return (parse(text, { merge: true }) as { services: Record<Name, Service> }).services
}

test('containers have no rights that they do not need, publish only the API to this machine, and need passwords', async () => {
  const { api, worker, postgres, redis, backup } = await services()
  expect(backup).toMatchObject({ read_only: true, cap_drop: ['ALL'] })
  expect(backup.environment.DATABASE_URL).toBe(api.environment.DATABASE_URL)
  for (const service of [api, worker]) {
    expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'] })
    expect(service.environment.DATABASE_URL).toContain(':${POSTGRES_PASSWORD:?')
    expect(service.environment.REDIS_URL).toContain(':${REDIS_PASSWORD:?')
  }
  for (const service of [api, worker, postgres, redis, backup]) {
    expect(service.security_opt).toEqual(['no-new-privileges:true'])
  }
  expect(api.ports!.every((port) => port.startsWith('127.0.0.1:'))).toBe(true)
  for (const service of [worker, postgres, redis, backup]) expect(service.ports).toBeUndefined()
})

test('every setting can be set, memory and logs have a limit', async () => {
  const all = await services()
  // The image has these, and the addresses of the other containers.
  const fixed = ['PORT', 'HOST', 'RUNMILL_HEALTH_PORT', 'RUNMILL_DATA_DIR']
  const given = ['DATABASE_URL', 'REDIS_URL', 'ROLE']
  const passed = settingNames.filter((name) => ![...fixed, ...given].includes(name))
  // What OpenTelemetry's packages read themselves (docs/operations.md, "Traces").
  const read = ['EXPORTER_OTLP_HEADERS', 'SERVICE_NAME', 'TRACES_SAMPLER', 'TRACES_SAMPLER_ARG']
  passed.push(...(read.map((name) => `OTEL_${name}`) as typeof passed))
  for (const name of passed) {
    expect(all.api.environment[name], name).toMatch(new RegExp(`^\\$\\{${name}:-`))
  }
  expect(Object.keys(all.api.environment).toSorted()).toEqual([...passed, ...given].toSorted())
  for (const service of Object.values(all)) {
    expect(service.mem_limit).toBeDefined()
    expect(service.logging!.options).toEqual({ 'max-size': '10m', 'max-file': '5' })
  }
})

test.each(testsRunOnRedis() ? ['Redis'] : [])(
  'its Redis serves only those who have the password',
  async () => {
    const { redis } = await services()
    const dir = await mkdtemp(join(tmpdir(), 'runmill-compose-'))
    const port = await findFreePort()
    const [program, ...args] = redis.command!.map((word) => word.replaceAll('$$', '$'))
    const script = args.pop()!.replace('redis-server -', `redis-server - --port ${port}`)
    const server = spawn(program!, [...args, script], {
      cwd: dir,
      env: { PATH: process.env.PATH, REDIS_PASSWORD: 'hidden' },
      stdio: 'ignore',
    })
    const exited = once(server, 'exit')
    const known = new Redis(port, { password: 'hidden', retryStrategy: () => 20 })
    known.on('error', () => {})
    expect(await known.config('GET', 'appendfsync')).toEqual(['appendfsync', 'always'])
    const stranger = new Redis(port)
    stranger.on('error', () => {})
    await expect(stranger.set('a', 'b')).rejects.toThrow('NOAUTH')
    stranger.disconnect()
    known.disconnect()
    // It is the process itself that gets the signal, and not a shell around it.
    server.kill('SIGTERM')
    expect(await exited).toEqual([0, null])
    await rm(dir, { recursive: true, force: true })
  },
)
