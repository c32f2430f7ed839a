import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { compiledFile, startRunmill, type RunmillProcess } from '../support/runmill-process.ts'

/* `npm run prices` beside a real server, whose worker takes the job up. */

let database: TestDatabase
let folder: string
let server: RunmillProcess
let url: string
let key: string

beforeAll(async () => {
  database = await createTestDatabase()
  folder = await mkdtemp(join(tmpdir(), 'runmill-prices-'))
  server = startRunmill({ DATABASE_URL: database.url, RUNMILL_DATA_DIR: folder })
  url = await server.ready
  key = /^ *secret key +(\S+)$/m.exec(server.stdout())![1]!
})

afterAll(async () => {
  server.signal('SIGTERM')
  await server.exited
  await database.drop()
  await rm(folder, { recursive: true, force: true })
})

async function prices(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  const child = spawn(process.execPath, [compiledFile('src/prices-cli.ts'), ...args], {
    env: { PATH: process.env['PATH'], DATABASE_URL: database.url },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [out, error, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number>((done) => child.once('close', (status) => done(status ?? -1))),
  ])
  return { code, out, error }
}

async function call(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: { 'x-api-key': key, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  expect(answer.ok).toBe(true)
  return (await answer.json()) as Record<string, unknown>
}

/** Makes a run of 10 tokens at a time, and returns its id once it can be read. */
async function runAt(start: string): Promise<string> {
  const id = randomUUID()
  await call('POST', '/runs', {
    id,
    name: 'call',
    run_type: 'llm',
    session_name: 'p',
    start_time: start,
    end_time: start,
    extra: { metadata: { ls_model_name: 'my-model' } },
    outputs: { usage_metadata: { input_tokens: 10, output_tokens: 0, total_tokens: 10 } },
  })
  return id
}

async function costOf(id: string): Promise<unknown> {
  return (await call('GET', `/runs/${id}`))['total_cost']
}

const price = (costs: number): object => ({
  name: 'mine',
  match_pattern: '^my-model$',
  prompt_cost: costs,
  completion_cost: 0,
})

test('recompute prices the runs of a time anew, and waits for the worker that does', async () => {
  const [early, late] = [await runAt('2026-01-01T00:00:00Z'), await runAt('2026-02-01T00:00:00Z')]
  expect([await costOf(early), await costOf(late)]).toEqual([null, null])
  const { id } = await call('POST', '/model-price-map', price(0.5))

  const first = await prices('recompute', '--from', '2026-01-15T00:00:00Z')
  expect(first).toMatchObject({ code: 0, error: '' })
  expect(first.out).toMatch(/^repricing \S+: a worker begins within seconds\n/)
  expect(first.out).toMatch(/^done: 2 runs looked at, 1 changed\n$/m)
  expect([await costOf(early), await costOf(late)]).toEqual([null, '5'])

  await call('PUT', `/model-price-map/${String(id)}`, price(2))
  expect(await costOf(late)).toBe('5')
  const second = await prices('recompute', '--no-wait')
  expect(second.code).toBe(0)
  const [, repricing = ''] = /^repricing (\S+):/.exec(second.out)!
  await expect
    .poll(async () => (await prices('status', repricing)).out, { timeout: 60_000 })
    .toBe(`${repricing}  done: 2 runs looked at, 2 changed\n`)
  expect([await costOf(early), await costOf(late)]).toEqual(['20', '20'])
  expect((await prices('status')).out).toBe('nothing is being computed\n')
})

test('what is missing or wrong is told in a sentence', async () => {
  expect(await prices()).toMatchObject({
    code: 2,
    error: expect.stringContaining('npm run prices'),
  })
  expect(await prices('recompute', '--from', 'soon')).toMatchObject({
    code: 1,
    error: expect.stringContaining('--from must be a time'),
  })
  expect(await prices('status', randomUUID())).toMatchObject({
    code: 1,
    error: expect.stringContaining('has no repricing'),
  })
})
