import { randomBytes, randomUUID } from 'node:crypto'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestDatabase } from './support/postgres.ts'
import { startRedis, testsRunOnRedis } from './support/redis.ts'
import { compiledFile, startRunmill } from './support/runmill-process.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'runmill-secrets-'))
})
afterAll(async () => rm(folder, { recursive: true, force: true }))

const secret = (name: string): string => `${name}-${randomBytes(12).toString('hex')}`

interface Reply {
  status: number
  // oxlint-disable-next-line typescript/no-explicit-any -- answers of every shape
  body: any
}

describe('at LOG_LEVEL=trace nothing that opens anything is in the output', () => {
  test.each(testsRunOnRedis() ? ['Redis'] : [])(
    'whatever is asked for, and while Postgres and Redis refuse or are away',
    async () => {
      const password = secret('redis-password')
      const redis = await startRedis(['--requirepass', password])
      const database = await createTestDatabase()
      const [publicKey, secretKey] = [secret('pk-rm'), secret('sk-rm')]
      const payload = secret('payload')
      const wrong = secret('sk-wrong')
      const server = startRunmill({
        LOG_LEVEL: 'trace',
        INTERACTIVE_WAIT_MS: '200',
        DATABASE_URL: database.url,
        REDIS_URL: redis.url.replace('redis://', `redis://:${password}@`),
        RUNMILL_DATA_DIR: folder,
        RUNMILL_INIT_PUBLIC_KEY: publicKey,
        RUNMILL_INIT_SECRET_KEY: secretKey,
      })
      const url = await server.ready
      const known = { 'x-api-key': secretKey }
      const ask = async (
        method: string,
        path: string,
        body?: unknown,
        headers: Record<string, string> = known,
      ): Promise<Reply> => {
        const answer = await fetch(path.startsWith('http') ? path : url + path, {
          method,
          headers: { 'content-type': 'application/json', ...headers },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        })
        const text = await answer.text()
        return { status: answer.status, body: text.startsWith('{') ? JSON.parse(text) : text }
      }
      const basic = (user: string, pass: string): string => `Basic ${btoa(`${user}:${pass}`)}`
      const credentials = [
        known,
        { authorization: `Bearer ${secretKey}` },
        { authorization: basic(publicKey, secretKey) },
        { authorization: `Bearer ${publicKey}` },
        { 'x-api-key': wrong },
        { authorization: `Bearer ${wrong}` },
        { authorization: basic(publicKey, wrong) },
        { authorization: basic(wrong, secretKey) },
        { authorization: wrong },
      ]
      const id = randomUUID()
      const run = { id, trace_id: id, name: 'n', run_type: 'chain', inputs: { payload } }
      expect((await ask('POST', '/runs', run)).status).toBe(202)
      const link = await ask('POST', '/feedback/tokens', { run_id: id, feedback_key: 'k' })
      const share = await ask('PUT', `/runs/${id}/share`, { run_id: id })
      const media = await ask(
        'POST',
        '/api/public/media',
        {
          traceId: 't',
          contentType: 'text/plain',
          contentLength: 1,
          sha256Hash: Buffer.alloc(32).toString('base64'),
          field: 'input',
        },
        { authorization: basic(publicKey, secretKey) },
      )
      const feedbackUrl = String(link.body.url)
      const shareToken = String(share.body.share_token)
      const uploadUrl = String(media.body.uploadUrl)
      const signature = new URL(uploadUrl).searchParams.get('signature')!
      const feedbackToken = feedbackUrl.split('/').at(-1)!

      const askAll = async (): Promise<number[]> => {
        const statuses: number[] = []
        for (const headers of credentials) {
          for (const [method, path, body] of [
            ['GET', '/sessions', undefined],
            ['GET', '/api/public/traces', undefined],
            ['POST', '/v1/traces', {}],
            ['POST', '/runs/batch', { post: [{ ...run, id: randomUUID(), trace_id: null }] }],
            ['GET', `/api/public/traces?filter=${secretKey}`, undefined],
          ] as const) {
            statuses.push((await ask(method, path, body, headers)).status)
          }
        }
        statuses.push((await ask('GET', `${feedbackUrl}?score=1&comment=${payload}`)).status)
        statuses.push((await ask('GET', `/public/${shareToken}/run`)).status)
        statuses.push((await ask('PUT', uploadUrl, payload)).status)
        statuses.push((await ask('POST', '/feedback', { run_id: id, key: 'k', score: 1 })).status)
        return statuses
      }
      expect(await askAll()).toContain(200)

      const admin = new Redis(redis.url, { password })
      await admin.config('SET', 'maxmemory', '1')
      expect(await askAll()).toContain(503)
      await admin.config('SET', 'maxmemory', '0')
      await admin.quit()

      const sql = postgres(database.url, { max: 1, onnotice: () => {} })
      await sql`alter table experiments rename to hidden_experiments`
      await sql`alter table shares rename to hidden_shares`
      expect(await askAll()).toContain(500)
      await sql`alter table hidden_experiments rename to experiments`
      await sql.end()

      await redis.kill()
      await ask('POST', '/runs', { ...run, id: randomUUID() }).catch(() => {})
      server.signal('SIGTERM')
      await server.exited
      const output = server.stdout() + server.stderr()
      expect(output).toContain('request failed')
      expect(output).toContain('request refused for now')
      expect(output).toMatch(/"method":"GET","path":"\/sessions","status":200,.*"msg":"request"/)
      const secrets = {
        password,
        secretKey,
        wrong,
        payload,
        shareToken,
        signature,
        feedbackToken,
        hash: btoa(`${publicKey}:${secretKey}`),
        database: new URL(database.url).password || 'none',
      }
      for (const [name, text] of Object.entries(secrets)) {
        expect(text.length, name).toBeGreaterThan(3)
        expect(output.includes(text), `${name} is in the output`).toBe(false)
      }
      await redis.stop()
      await database.drop()
    },
  )

  test('and when a start fails, or a command', async () => {
    const hidden = secret('password')
    const database = await createTestDatabase()
    const failing: Record<string, string>[] = [
      { DATABASE_URL: `postgres://u:${hidden}@127.0.0.1:1/x` },
      { DATABASE_URL: `postgres://u:${hidden}@127.0.0.1:99999/x` },
      { DATABASE_URL: `postgres://nobody:${hidden}@${new URL(database.url).host}/x` },
      { DATABASE_URL: database.url, REDIS_URL: `redis://:${hidden}@127.0.0.1:1` },
      { DATABASE_URL: database.url, REDIS_URL: `redis://:${hidden}@127.0.0.1:99999` },
      { DATABASE_URL: database.url, REDIS_URL: `redis-cluster://:${hidden}@127.0.0.1:1` },
      {
        DATABASE_URL: database.url,
        RUNMILL_BLOBS_S3_BUCKET: 'b',
        RUNMILL_BLOBS_S3_ENDPOINT: 'http://127.0.0.1:1',
        RUNMILL_BLOBS_S3_ACCESS_KEY_ID: 'id',
        RUNMILL_BLOBS_S3_SECRET_ACCESS_KEY: hidden,
      },
      { RUNMILL_INIT_PUBLIC_KEY: 'x', RUNMILL_INIT_SECRET_KEY: hidden },
    ]
    await Promise.all(
      failing.map(async (settings) => {
        const own = {
          LOG_LEVEL: 'trace',
          RUNMILL_DATA_DIR: join(folder, randomUUID()),
          ...settings,
        }
        const server = startRunmill(own)
        expect(await server.exited).not.toBe(0)
        const { stdout, stderr } = spawnSync(
          process.execPath,
          [compiledFile('src/cli/main.ts'), 'keys', 'list'],
          { env: { PATH: process.env.PATH, ...own }, encoding: 'utf8' },
        )
        const output = server.stdout() + server.stderr() + stdout + stderr
        expect(output).not.toBe('')
        expect(output.includes(hidden), `the password is in: ${output}`).toBe(false)
      }),
    )
    await database.drop()
  })
})
