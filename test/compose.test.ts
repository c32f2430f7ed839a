import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { findFreePort } from './support/free-port.ts'
import { testsRunOnRedis } from './support/redis.ts'

interface Service {
  command?: string[]
  environment: Record<string, string>
  ports?: string[]
  read_only?: boolean
  cap_drop?: string[]
  security_opt?: string[]
}

async function services(): Promise<Record<'api' | 'worker' | 'postgres' | 'redis', Service>> {
  const text = await readFile('docker-compose.yml', 'utf8')
  return (parse(text, { merge: true }) as { services: Record<'api', Service> }).services as Record<
    'api' | 'worker' | 'postgres' | 'redis',
    Service
  >
}

test('containers have no rights that they do not need, publish only the API to this machine, and need passwords', async () => {
  const { api, worker, postgres, redis } = await services()
  for (const service of [api, worker]) {
    expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'] })
    expect(service.environment.DATABASE_URL).toContain(':${POSTGRES_PASSWORD:?')
    expect(service.environment.REDIS_URL).toContain(':${REDIS_PASSWORD:?')
  }
  for (const service of [api, worker, postgres, redis]) {
    expect(service.security_opt).toEqual(['no-new-privileges:true'])
  }
  expect(api.ports!.every((port) => port.startsWith('127.0.0.1:'))).toBe(true)
  expect([worker.ports, postgres.ports, redis.ports]).toEqual([undefined, undefined, undefined])
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
